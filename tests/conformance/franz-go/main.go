// Drives a Kafka-protocol broker with franz-go, step by step, and prints what each step saw as one line of JSON.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

type step struct {
	name string
	run  func(context.Context, string) (any, error)
}

var steps = []step{
	{"codecs", codecs},
	{"admin", admin},
	{"group", group},
	{"static", static},
	{"transactions", transactions},
}

func main() {
	for _, one := range steps {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		saw, err := one.run(ctx, os.Args[1])
		cancel()
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", one.name, err)
			os.Exit(1)
		}
		line, _ := json.Marshal(map[string]any{"step": one.name, "saw": saw})
		fmt.Println(string(line))
	}
}

func open(address string, options ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append(options, kgo.SeedBrokers(address), kgo.MetadataMinAge(50*time.Millisecond), kgo.FetchMaxWait(200*time.Millisecond))...)
}

func create(ctx context.Context, address, topic string, partitions int32) error {
	client, err := open(address)
	if err != nil {
		return err
	}
	defer client.Close()
	made, err := kadm.NewClient(client).CreateTopic(ctx, partitions, 1, nil, topic)
	if err != nil {
		return err
	}
	return made.Err
}

// read polls until it has so many records, and says each as "partition/offset key value".
func read(ctx context.Context, client *kgo.Client, count int) ([]string, error) {
	seen := []string{}
	for len(seen) < count {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return seen, err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			seen = append(seen, fmt.Sprintf("%d/%d %s %s", r.Partition, r.Offset, r.Key, r.Value))
		})
	}
	sort.Strings(seen)
	return seen, nil
}

// codecs: an idempotent producer with each codec, read again in order.
func codecs(ctx context.Context, address string) (any, error) {
	saw := map[string]int{}
	for name, codec := range map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	} {
		topic := "go-" + name
		if err := create(ctx, address, topic, 1); err != nil {
			return nil, err
		}
		producer, err := open(address, kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(codec))
		if err != nil {
			return nil, err
		}
		for i := 0; i < 200; i++ {
			producer.Produce(ctx, kgo.KeyStringRecord("key", fmt.Sprintf("value %03d of many that look alike", i)), nil)
		}
		err = producer.Flush(ctx)
		producer.Close()
		if err != nil {
			return nil, err
		}
		consumer, err := open(address, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		if err != nil {
			return nil, err
		}
		seen := 0
		for seen < 200 {
			fetches := consumer.PollFetches(ctx)
			if err := fetches.Err(); err != nil {
				consumer.Close()
				return nil, err
			}
			for _, r := range fetches.Records() {
				if string(r.Value) != fmt.Sprintf("value %03d of many that look alike", r.Offset) || int64(seen) != r.Offset {
					consumer.Close()
					return nil, fmt.Errorf("%s: %q at offset %d, as record %d", name, r.Value, r.Offset, seen)
				}
				seen++
			}
		}
		consumer.Close()
		saw[name] = seen
	}
	return saw, nil
}

// admin: what an administrator asks, by time too.
func admin(ctx context.Context, address string) (any, error) {
	client, err := open(address, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	adm := kadm.NewClient(client)
	value := "2000"
	if _, err := adm.CreateTopic(ctx, 2, 1, map[string]*string{"max.message.bytes": &value}, "go-admin"); err != nil {
		return nil, err
	}
	again, _ := adm.CreateTopic(ctx, 2, 1, nil, "go-admin")
	for i, at := range []int64{1000, 3000, 2000} {
		r := &kgo.Record{Topic: "go-admin", Value: []byte(fmt.Sprint(i)), Timestamp: time.UnixMilli(at)}
		if err := client.ProduceSync(ctx, r).FirstErr(); err != nil {
			return nil, err
		}
	}
	offset := func(listed kadm.ListedOffsets, err error) int64 {
		if err != nil {
			return -100
		}
		one, _ := listed.Lookup("go-admin", 0)
		return one.Offset
	}
	configs, err := adm.DescribeTopicConfigs(ctx, "go-admin")
	if err != nil {
		return nil, err
	}
	told := map[string]string{}
	for _, config := range configs[0].Configs {
		if config.Key == "max.message.bytes" || config.Key == "retention.ms" {
			told[config.Key] = config.MaybeValue()
		}
	}
	return map[string]any{
		"again":   fmt.Sprint(again.Err),
		"configs": told,
		"start":   offset(adm.ListStartOffsets(ctx, "go-admin")),
		"end":     offset(adm.ListEndOffsets(ctx, "go-admin")),
		"at 1500": offset(adm.ListOffsetsAfterMilli(ctx, 1500, "go-admin")),
		"latest":  offset(adm.ListMaxTimestampOffsets(ctx, "go-admin")),
	}, nil
}

// group: two members by cooperative rebalances; the second takes over what the first had not committed.
func group(ctx context.Context, address string) (any, error) {
	if err := create(ctx, address, "go-group", 4); err != nil {
		return nil, err
	}
	producer, err := open(address, kgo.DefaultProduceTopic("go-group"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return nil, err
	}
	defer producer.Close()
	send := func(from int) error {
		for i := from; i < from+20; i++ {
			r := &kgo.Record{Partition: int32(i % 4), Value: []byte(fmt.Sprint(i))}
			if err := producer.ProduceSync(ctx, r).FirstErr(); err != nil {
				return err
			}
		}
		return nil
	}
	if err := send(0); err != nil {
		return nil, err
	}
	join := func() (*kgo.Client, error) {
		return open(address, kgo.ConsumerGroup("go-group"), kgo.ConsumeTopics("go-group"), kgo.Balancers(kgo.CooperativeStickyBalancer()),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(), kgo.HeartbeatInterval(100*time.Millisecond))
	}
	first, err := join()
	if err != nil {
		return nil, err
	}
	seen, err := read(ctx, first, 20)
	if err == nil {
		err = first.CommitUncommittedOffsets(ctx)
	}
	if err != nil {
		first.Close()
		return nil, err
	}
	second, err := join()
	if err != nil {
		first.Close()
		return nil, err
	}
	defer second.Close()
	adm := kadm.NewClient(producer)
	for shared := false; !shared; {
		polling, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		first.PollFetches(polling)
		second.PollFetches(polling)
		cancel()
		described, err := adm.DescribeGroups(ctx, "go-group")
		if err != nil {
			first.Close()
			return nil, err
		}
		counts := []int{}
		for _, member := range described["go-group"].Members {
			if assigned, ok := member.Assigned.AsConsumer(); ok {
				for _, topic := range assigned.Topics {
					counts = append(counts, len(topic.Partitions))
				}
			}
		}
		shared = described["go-group"].State == "Stable" && fmt.Sprint(counts) == "[2 2]"
	}
	first.Close()
	if err := send(20); err != nil {
		return nil, err
	}
	rest, err := read(ctx, second, 20)
	if err == nil {
		err = second.CommitUncommittedOffsets(ctx)
	}
	if err != nil {
		return nil, err
	}
	committed, err := adm.FetchOffsets(ctx, "go-group")
	if err != nil {
		return nil, err
	}
	offsets := []int64{}
	for _, one := range committed.Sorted() {
		offsets = append(offsets, one.At)
	}
	return map[string]any{"first": len(seen), "second": rest, "committed": offsets}, nil
}

// static: a member by name comes back in its place, without a rebalance.
func static(ctx context.Context, address string) (any, error) {
	if err := create(ctx, address, "go-static", 2); err != nil {
		return nil, err
	}
	generations := []int32{}
	for i := 0; i < 2; i++ {
		client, err := open(address, kgo.ConsumerGroup("go-static"), kgo.InstanceID("one"), kgo.ConsumeTopics("go-static"),
			kgo.DefaultProduceTopic("go-static"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		if err != nil {
			return nil, err
		}
		err = client.ProduceSync(ctx, kgo.StringRecord(fmt.Sprint(i))).FirstErr()
		if err == nil {
			_, err = read(ctx, client, 1)
		}
		_, generation := client.GroupMetadata()
		generations = append(generations, generation)
		client.Close()
		if err != nil {
			return nil, err
		}
	}
	return map[string]any{"generations": generations}, nil
}

// transactions: what was aborted is not read, what was committed is.
func transactions(ctx context.Context, address string) (any, error) {
	if err := create(ctx, address, "go-txn", 1); err != nil {
		return nil, err
	}
	producer, err := open(address, kgo.TransactionalID("go-txn"), kgo.DefaultProduceTopic("go-txn"))
	if err != nil {
		return nil, err
	}
	defer producer.Close()
	for i, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort, kgo.TryCommit} {
		if err := producer.BeginTransaction(); err != nil {
			return nil, err
		}
		for k := 0; k < 3; k++ {
			producer.Produce(ctx, kgo.StringRecord(fmt.Sprintf("%d-%d", i, k)), nil)
		}
		if err := producer.Flush(ctx); err != nil {
			return nil, err
		}
		if err := producer.EndTransaction(ctx, end); err != nil {
			return nil, err
		}
	}
	saw := map[string]any{}
	for name, count := range map[string]int{"committed": 6, "uncommitted": 9} {
		level := kgo.ReadCommitted()
		if name == "uncommitted" {
			level = kgo.ReadUncommitted()
		}
		consumer, err := open(address, kgo.ConsumeTopics("go-txn"), kgo.FetchIsolationLevel(level), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		if err != nil {
			return nil, err
		}
		seen, err := read(ctx, consumer, count)
		consumer.Close()
		if err != nil {
			return nil, err
		}
		saw[name] = seen
	}
	return saw, nil
}
