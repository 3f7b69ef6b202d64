import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { file, program } from '../../servers/program';
import { LockWorker, type WorkerOptions } from './worker';

/** A compiler, Curator, whose manifest names all other libraries that it needs, and what these log with. */
export async function javaWithCurator(): Promise<{ compiler: string; jar: string; logger: string }> {
  const compiler = await program('javac', 'default-jdk-headless');
  const jar = await file('/usr/share/java/curator-recipes.jar', 'libcurator-recipes-java');
  const logger = await file('/usr/share/java/slf4j-simple.jar', 'libslf4j-java');
  return { compiler, jar, logger };
}

/** Starts a process with locks of Apache Curator: `InterProcessMutex`, and the two of `InterProcessReadWriteLock`. */
export async function startCurator(connectString: string, options: WorkerOptions = {}): Promise<LockWorker> {
  // Java compiles the file by itself if it is the Java that comes with a compiler.
  const { compiler, jar, logger } = await javaWithCurator();
  const java = join(dirname(realpathSync(compiler)), 'java');
  return LockWorker.start([
    ...[java, '-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:-UsePerfData'],
    ...['-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-cp', `${jar}:${logger}`],
    ...[join(__dirname, 'CuratorWorker.java'), connectString, `${options.sessionTimeout ?? 10_000}`],
  ]);
}
