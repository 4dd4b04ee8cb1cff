import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.TransactionDescription;
import org.apache.kafka.clients.admin.TransactionListing;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.tools.ProducerPerformance;

/** Copies topic "in" to topic "out", each record once, with aborts on the way; then is fenced by a successor and timed out by the broker. Prints what happened. */
public final class ExactlyOnce {
    private static Properties common(String servers) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", servers);
        return properties;
    }

    private static KafkaProducer<String, String> producer(String servers, String transactionalId, int timeoutMs) {
        Properties properties = common(servers);
        properties.put("transaction.timeout.ms", timeoutMs);
        properties.put("linger.ms", 0);
        if (transactionalId != null) properties.put("transactional.id", transactionalId);
        return new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer());
    }

    private static KafkaConsumer<String, String> consumer(String servers, String group) {
        Properties properties = common(servers);
        properties.put("group.id", group);
        properties.put("isolation.level", "read_committed");
        properties.put("enable.auto.commit", false);
        properties.put("auto.offset.reset", "earliest");
        properties.put("max.poll.records", 40);
        return new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer());
    }

    public static void main(String[] arguments) throws Exception {
        String servers = arguments[0];
        int count = Integer.parseInt(arguments[1]);
        try (KafkaProducer<String, String> plain = producer(servers, null, 60_000)) {
            for (int i = 0; i < count; i++) plain.send(new ProducerRecord<>("in", String.valueOf(i), String.valueOf(i)));
        }
        copy(servers, count);
        read(servers, count);
        fence(servers);
        timeOut(servers);
        tools(servers);
    }

    private static void tools(String servers) throws Exception {
        ProducerPerformance.main(new String[] {
            "--bootstrap-server", servers, "--topic", "perf", "--num-records", "5000", "--record-size", "100", "--throughput", "-1",
            "--transactional-id", "perf-tx", "--transaction-duration-ms", "50"
        });
        try (Admin admin = Admin.create(common(servers))) {
            for (TransactionListing listing : admin.listTransactions().all().get()) {
                System.out.println(listing.transactionalId() + " 1 " + listing.producerId() + " " + listing.state());
            }
            TransactionDescription found = admin.describeTransactions(List.of("perf-tx")).description("perf-tx").get();
            System.out.println("describe: perf-tx " + found.state() + " " + found.transactionTimeoutMs() + " " + found.topicPartitions());
        }
    }

    private static void copy(String servers, int count) {
        int done = 0;
        int transactions = 0;
        try (KafkaProducer<String, String> producer = producer(servers, "copier", 60_000);
                KafkaConsumer<String, String> consumer = consumer(servers, "copiers")) {
            producer.initTransactions();
            consumer.subscribe(List.of("in"));
            while (done < count) {
                ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(500));
                if (records.isEmpty()) continue;
                producer.beginTransaction();
                Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
                for (ConsumerRecord<String, String> record : records) {
                    producer.send(new ProducerRecord<>("out", record.key(), record.value()));
                    offsets.put(new TopicPartition(record.topic(), record.partition()), new OffsetAndMetadata(record.offset() + 1));
                }
                producer.sendOffsetsToTransaction(offsets, consumer.groupMetadata());
                if (++transactions % 3 == 0) {
                    producer.abortTransaction();
                    consumer.committed(consumer.assignment())
                        .forEach((partition, offset) -> consumer.seek(partition, offset == null ? 0 : offset.offset()));
                } else {
                    producer.commitTransaction();
                    done += records.count();
                }
            }
        }
        System.out.println("copied " + done);
    }

    private static void read(String servers, int count) {
        Map<String, Integer> seen = new HashMap<>();
        try (KafkaConsumer<String, String> consumer = consumer(servers, "readers")) {
            consumer.subscribe(List.of("out"));
            long deadline = System.nanoTime() + 10_000_000_000L;
            int quiet = 0;
            while (System.nanoTime() < deadline && quiet < 3) {
                ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(200));
                for (ConsumerRecord<String, String> record : records) seen.merge(record.value(), 1, Integer::sum);
                quiet = seen.size() >= count && records.isEmpty() ? quiet + 1 : 0;
            }
        }
        long twice = seen.values().stream().filter(times -> times > 1).count();
        System.out.println("read " + seen.size() + " values, " + twice + " more than once");
    }

    private static void fence(String servers) throws Exception {
        try (KafkaProducer<String, String> first = producer(servers, "fenced", 60_000);
                KafkaProducer<String, String> second = producer(servers, "fenced", 60_000)) {
            first.initTransactions();
            first.beginTransaction();
            first.send(new ProducerRecord<>("fenced", "k", "of the first")).get();
            second.initTransactions();
            second.beginTransaction();
            second.send(new ProducerRecord<>("fenced", "k", "of the second")).get();
            second.commitTransaction();
            try {
                first.commitTransaction();
                System.out.println("the first was not fenced");
            } catch (ProducerFencedException fenced) {
                System.out.println("the first was fenced");
            }
        }
    }

    private static void timeOut(String servers) throws Exception {
        try (KafkaProducer<String, String> slow = producer(servers, "slow", 2_000)) {
            slow.initTransactions();
            slow.beginTransaction();
            slow.send(new ProducerRecord<>("fenced", "k", "too late")).get();
            Thread.sleep(4_500);
            try {
                slow.commitTransaction();
                System.out.println("the slow one committed");
            } catch (RuntimeException late) {
                System.out.println("the slow one: " + late.getClass().getSimpleName());
            }
        }
    }
}
