import de.bwaldvogel.mongo.MongoBackend;
import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.wire.message.MongoMessage;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.List;
import org.h2.mvstore.MVStore;

/**
 * A MongoDB server for tests: MongoServerMain PORT [FILE] [--no-oplog].
 *
 * <p>PORT 0 is any free one. With FILE the data stands in that file, and what was acknowledged is still there after a kill;
 * without it the data is in memory. Prints "ready PORT" when it serves, and ends when its standard input does: whoever
 * started it cannot leave it behind.
 */
public final class MongoServerMain {
  /**
   * A server that acknowledges a write has it on disk, whatever kills the process. H2 would write its pages in the background,
   * and takes what changes during a commit for saved, so that one message comes after the other here.
   */
  private static final class DurableBackend extends H2Backend {
    private DurableBackend(String file) {
      super(new MVStore.Builder().fileName(file).autoCommitDisabled().open());
    }

    @Override
    public synchronized Document handleMessage(MongoMessage message) {
      Document reply = super.handleMessage(message);
      commit();
      return reply;
    }
  }

  private MongoServerMain() {}

  public static void main(String[] arguments) throws IOException {
    boolean oplog = !Arrays.asList(arguments).contains("--no-oplog");
    List<String> words = Arrays.stream(arguments).filter(word -> !word.startsWith("--")).toList();
    MongoBackend backend =
        words.size() > 1 ? new DurableBackend(words.get(1)) : new MemoryBackend();
    MongoServer server = new MongoServer(backend);
    if (oplog) {
      server.enableOplog();
    }
    server.bind(new InetSocketAddress("127.0.0.1", Integer.parseInt(words.get(0))));
    System.out.println("ready " + server.getLocalAddress().getPort());
    while (System.in.read() >= 0) {
      // Only its end says something.
    }
    Runtime.getRuntime().halt(0);
  }
}
