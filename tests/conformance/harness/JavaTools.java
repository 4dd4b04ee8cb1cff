import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.utils.Exit;

/**
 * Runs the main methods of Kafka's own command line tools in one process, several at a time: a line of JSON in ("id", "main", "args", "input",
 * "timeoutMs"), a line of JSON out ("id", "exit", "out", "err"). Each tool has streams of its own, which its threads inherit; where it would end
 * the process, its thread ends.
 */
public final class JavaTools {
  /** The end of a tool: an Error, so that tools which catch exceptions let it through. */
  private static final class Ended extends Error {
    Ended(int code) {
      super("exit " + code, null, false, false);
    }
  }

  private static final class Run {
    final InputStream in;
    final ByteArrayOutputStream out = new ByteArrayOutputStream();
    final ByteArrayOutputStream err = new ByteArrayOutputStream();
    volatile Integer exit;

    Run(byte[] input) {
      in = new ByteArrayInputStream(input);
    }
  }

  private static final InheritableThreadLocal<Run> CURRENT = new InheritableThreadLocal<>();
  private static final ObjectMapper JSON = new ObjectMapper();

  private static PrintStream routed(boolean isErr) {
    return new PrintStream(new OutputStream() {
      private OutputStream target() {
        Run run = CURRENT.get();
        return run == null ? OutputStream.nullOutputStream() : isErr ? run.err : run.out;
      }

      @Override
      public void write(int one) throws IOException {
        target().write(one);
      }

      @Override
      public void write(byte[] bytes, int at, int length) throws IOException {
        target().write(bytes, at, length);
      }
    }, true, StandardCharsets.UTF_8);
  }

  private static int end(int code) {
    Run run = CURRENT.get();
    if (run != null && run.exit == null) run.exit = code;
    throw new Ended(code);
  }

  /** Loads the tools anew for each run: some count in static fields. What they are built on is shared. */
  private static final class FreshTools extends ClassLoader {
    FreshTools() {
      super(JavaTools.class.getClassLoader());
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
      if (!name.startsWith("org.apache.kafka.tools.")) return super.loadClass(name, resolve);
      synchronized (getClassLoadingLock(name)) {
        Class<?> loaded = findLoadedClass(name);
        if (loaded != null) return loaded;
        try (InputStream source = getParent().getResourceAsStream(name.replace('.', '/') + ".class")) {
          if (source == null) throw new ClassNotFoundException(name);
          byte[] bytes = source.readAllBytes();
          return defineClass(name, bytes, 0, bytes.length);
        } catch (IOException unreadable) {
          throw new ClassNotFoundException(name, unreadable);
        }
      }
    }
  }

  private static void call(String main, String[] args, Run run) {
    try {
      ClassLoader tools = new FreshTools();
      Thread.currentThread().setContextClassLoader(tools);
      Class.forName(main, true, tools).getMethod("main", String[].class).invoke(null, (Object) args);
    } catch (InvocationTargetException wrapped) {
      if (wrapped.getCause() instanceof Ended || run.exit != null) return;
      run.exit = 1;
      System.err.println(wrapped.getCause());
    } catch (ReflectiveOperationException missing) {
      run.exit = 127;
      System.err.println(missing);
    }
  }

  private static void serve(JsonNode request, PrintStream answers) {
    byte[] input = request.path("input").asText("").getBytes(StandardCharsets.UTF_8);
    Run run = new Run(input);
    String[] args = new String[request.path("args").size()];
    for (int i = 0; i < args.length; i++) args[i] = request.path("args").get(i).asText();
    Thread tool = new Thread(() -> {
      CURRENT.set(run);
      call(request.path("main").asText(), args, run);
    });
    Thread waiting = new Thread(() -> {
      try {
        tool.join(request.path("timeoutMs").asLong(30_000));
        boolean isLate = tool.isAlive();
        if (isLate) {
          tool.interrupt();
          tool.join(2_000);
        }
        ObjectNode answer = JSON.createObjectNode();
        answer.put("id", request.path("id").asInt());
        answer.put("exit", isLate ? -1 : run.exit == null ? 0 : run.exit);
        answer.put("out", run.out.toString(StandardCharsets.UTF_8));
        answer.put("err", run.err.toString(StandardCharsets.UTF_8));
        synchronized (answers) {
          answers.println(JSON.writeValueAsString(answer));
        }
      } catch (Exception failed) {
        throw new IllegalStateException(failed);
      }
    });
    waiting.setDaemon(true);
    tool.setDaemon(true);
    tool.start();
    waiting.start();
  }

  public static void main(String[] ignored) throws IOException {
    PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    BufferedReader requests = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    System.setOut(routed(false));
    System.setErr(routed(true));
    System.setIn(new InputStream() {
      private InputStream source() {
        Run run = CURRENT.get();
        return run == null ? InputStream.nullInputStream() : run.in;
      }

      @Override
      public int read() throws IOException {
        return source().read();
      }

      @Override
      public int read(byte[] bytes, int at, int length) throws IOException {
        return source().read(bytes, at, length);
      }

      @Override
      public int available() throws IOException {
        return source().available();
      }
    });
    Exit.setExitProcedure((code, message) -> end(code));
    Exit.setHaltProcedure((code, message) -> end(code));
    Exit.setShutdownHookAdder((name, hook) -> { });
    for (String line = requests.readLine(); line != null; line = requests.readLine()) serve(JSON.readTree(line), answers);
    Runtime.getRuntime().halt(0);
  }
}
