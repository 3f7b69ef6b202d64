// Run by curator.ts: takes and gives back locks of Apache Curator as the lines of its input say, with tabs between words.
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.retry.RetryOneTime;

public final class CuratorWorker {
    /** A lock and the thread that it belongs to. */
    private record Holder(InterProcessMutex lock, ExecutorService thread) {}

    private interface Action {
        void run() throws Exception;
    }

    private static final Map<String, Holder> holders = new HashMap<>();

    public static void main(String[] args) throws Exception {
        CuratorFramework client = CuratorFrameworkFactory.builder()
                .connectString(args[0])
                .sessionTimeoutMs(Integer.parseInt(args[1]))
                .connectionTimeoutMs(10_000)
                .retryPolicy(new RetryOneTime(100))
                .build();
        client.getConnectionStateListenable().addListener((source, state) -> say("state", state.name()));
        client.start();
        client.blockUntilConnected();
        say("ready");
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            String[] words = line.split("\t");
            String id = words[1];
            if (words[0].equals("acquire")) {
                Holder holder = new Holder(lock(client, words[2], words[3]), Executors.newSingleThreadExecutor());
                holders.put(id, holder);
                run(id, () -> acquire(id, holder.lock, words.length > 4 ? words[4] : null));
            } else {
                run(id, () -> release(id, holders.get(id).lock));
            }
        }
        client.close();
        System.exit(0);
    }

    private static void run(String id, Action action) {
        holders.get(id).thread.execute(() -> {
            try {
                action.run();
            } catch (Exception error) {
                say("error", id, error.toString());
            }
        });
    }

    private static InterProcessMutex lock(CuratorFramework client, String kind, String path) {
        return switch (kind) {
            case "read" -> new InterProcessReadWriteLock(client, path).readLock();
            case "write" -> new InterProcessReadWriteLock(client, path).writeLock();
            default -> new InterProcessMutex(client, path);
        };
    }

    private static void acquire(String id, InterProcessMutex lock, String timeout) throws Exception {
        if (timeout == null) lock.acquire();
        else if (!lock.acquire(Long.parseLong(timeout), TimeUnit.MILLISECONDS)) {
            say("timeout", id);
            return;
        }
        say("acquired", id);
    }

    private static void release(String id, InterProcessMutex lock) throws Exception {
        lock.release();
        say("released", id);
    }

    private static synchronized void say(String... words) {
        System.out.println(String.join("\t", words));
        System.out.flush();
    }
}
