// Run by java.mjs: does the tasks of tasks.mjs with Apache Curator. A line of input is a task and `name=value`, with tabs
// between them; the answer is a line of JSON.
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Scanner;
import java.util.StringJoiner;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.retry.ExponentialBackoffRetry;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.ZooKeeper;

public final class CuratorBench {
    private interface Lock {
        void acquire() throws Exception;

        void release() throws Exception;
    }

    private record Section(double entered, double left, double waited) {
        @Override
        public String toString() {
            return String.format("{\"entered\":%f,\"left\":%f,\"waited\":%f}", entered, left, waited);
        }
    }

    private final CuratorFramework client;
    private final boolean isBare;
    private final ExecutorService threads = Executors.newCachedThreadPool();

    /** @param args - `curator` or `bare`, the server's address, and the time-out of sessions in ms */
    public static void main(String[] args) throws Exception {
        Locale.setDefault(Locale.ROOT);
        CuratorBench bench = new CuratorBench(args[0].equals("bare"), args[1], Integer.parseInt(args[2]));
        System.out.println("{\"result\":\"ready\"}");
        Scanner input = new Scanner(System.in);
        while (input.hasNextLine()) {
            String[] words = input.nextLine().split("\t");
            Map<String, String> params = new HashMap<>();
            for (int i = 1; i < words.length; i++) {
                String[] param = words[i].split("=", 2);
                params.put(param[0], param[1]);
            }
            System.out.println("{\"result\":" + (words[0].equals("cycle") ? bench.cycle(params) : bench.contend(params)) + "}");
        }
        System.exit(0);
    }

    private CuratorBench(boolean isBare, String address, int sessionTimeout) throws Exception {
        this.isBare = isBare;
        client = CuratorFrameworkFactory.builder()
                .connectString(address)
                .sessionTimeoutMs(sessionTimeout)
                .connectionTimeoutMs(sessionTimeout)
                .retryPolicy(new ExponentialBackoffRetry(1_000, 3))
                .build();
        client.start();
        client.blockUntilConnected();
    }

    /** Takes and gives back free locks, one thread for each key. */
    private String cycle(Map<String, String> params) throws Exception {
        double until = Double.parseDouble(params.get("until"));
        double started = now();
        List<Callable<Integer>> loops = new ArrayList<>();
        for (String key : params.get("keys").split(",")) {
            Lock lock = lockOn(key);
            loops.add(() -> {
                int cycles = 0;
                for (; now() < until; cycles++) {
                    lock.acquire();
                    lock.release();
                }
                return cycles;
            });
        }
        int cycles = 0;
        for (Future<Integer> loop : threads.invokeAll(loops)) cycles += loop.get();
        return String.format("{\"rate\":%f}", cycles / (now() - started) * 1e3);
    }

    /** One thread for each waiter. */
    private String contend(Map<String, String> params) throws Exception {
        String key = params.get("key");
        int waiters = Integer.parseInt(params.get("waiters"));
        long sectionMs = Long.parseLong(params.get("sectionMs"));
        double until = Double.parseDouble(params.get("until"));
        double giveUpAt = Double.parseDouble(params.get("giveUpAt"));

        ConcurrentLinkedQueue<Section> sections = new ConcurrentLinkedQueue<>();
        ConcurrentLinkedQueue<String> failures = new ConcurrentLinkedQueue<>();
        Map<Integer, Double> waiting = new ConcurrentHashMap<>();
        Map<Integer, Boolean> served = new ConcurrentHashMap<>();
        CountDownLatch over = new CountDownLatch(waiters);
        double started = now();
        for (int i = 0; i < waiters; i++) {
            int waiter = i;
            Lock lock = lockOn(key);
            threads.execute(() -> {
                try {
                    do {
                        double asked = now();
                        waiting.put(waiter, asked);
                        lock.acquire();
                        double entered = now();
                        waiting.remove(waiter);
                        if (entered < until) served.put(waiter, true);
                        if (sectionMs > 0) Thread.sleep(sectionMs);
                        sections.add(new Section(entered, now(), entered - asked));
                        lock.release();
                    } while (now() < until);
                } catch (Exception error) {
                    Double asked = waiting.remove(waiter);
                    String said = error.toString().replaceAll("[\\p{Cntrl}\"\\\\]", " ");
                    failures.add(String.format("{\"error\":\"%s\",\"waited\":%f}", said, asked == null ? 0 : now() - asked));
                } finally {
                    over.countDown();
                }
            });
        }
        over.await((long) Math.max(0, giveUpAt - now()), TimeUnit.MILLISECONDS);
        List<Double> unserved = new ArrayList<>();
        for (double asked : waiting.values()) unserved.add(now() - asked);
        return String.format("{\"started\":%f,\"sections\":%s,\"unserved\":%s,\"failures\":%s,\"starved\":%d}",
                started, json(sections), json(unserved), json(failures), waiters - served.size());
    }

    private static String json(Iterable<?> values) {
        StringJoiner joined = new StringJoiner(",", "[", "]");
        for (Object value : values) joined.add(value.toString());
        return joined.toString();
    }

    /** For one thread: threads that share one of Curator's mutexes are slower, all wake when something happens to any. */
    private Lock lockOn(String key) {
        return isBare ? bare("/bare-java:" + key) : mutex("/curator/" + key);
    }

    private Lock mutex(String path) {
        InterProcessMutex mutex = new InterProcessMutex(client, path);
        return new Lock() {
            @Override
            public void acquire() throws Exception {
                mutex.acquire();
            }

            @Override
            public void release() throws Exception {
                mutex.release();
            }
        };
    }

    /** One node with the client of ZooKeeper itself, as in bare.mjs. */
    private Lock bare(String path) {
        return new Lock() {
            @Override
            public void acquire() throws Exception {
                zooKeeper().create(path, new byte[0], ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
            }

            @Override
            public void release() throws Exception {
                zooKeeper().delete(path, -1);
            }

            private ZooKeeper zooKeeper() throws Exception {
                return client.getZookeeperClient().getZooKeeper();
            }
        };
    }

    /** As in clock.mjs: on Linux both are CLOCK_MONOTONIC. */
    private static double now() {
        return System.nanoTime() / 1e6;
    }
}
