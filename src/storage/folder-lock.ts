/**
 * One process per data folder. Node has no flock, so on Linux the lock is an abstract Unix socket
 * named after the folder's device and inode: the kernel holds it, lets one bind it and drops it
 * with the process, even at kill -9. Abstract sockets are apart in each network namespace and
 * unknown elsewhere, so beside it the file `lock` names the holder by pid and start time; one whose
 * process is gone, or is another by the same number, is stale. Source: docs/storage.md.
 */

import * as fs from 'node:fs';
import * as net from 'node:net';

/** A lock that is held until `release`, or the end of the process. */
export interface FolderLock {
  /** Gives the folder free; safe to call twice. */
  release(): void;
}

/** Ends the attempt: a one-line reason, or the lock. */
export type LockDone = (reason: string | null, lock: FolderLock | null) => void;

interface Holder {
  readonly pid: number;
  /** Start of the process in clock ticks since boot; '' where the system does not say. */
  readonly started: string;
}

/** How often to ask again when the holder vanishes between bind and question. */
const attemptsMax = 20;

/** How long a holder may take to tell its pid, milliseconds. */
const answerMillisMax = 1000;

/** Takes the lock of an existing folder, or says who has it. */
export function lockFolder(folder: string, done: LockDone): void {
  fs.stat(folder, (error, stats) => {
    if (error) return done(`cannot lock ${folder}: ${error.message}`, null);
    if (process.platform !== 'linux') return finish(folder, null, done);
    const name = `\0quorate-${stats.dev}-${stats.ino}`;
    bind(folder, name, attemptsMax, done);
  });
}

function bind(folder: string, name: string, attempts: number, done: LockDone): void {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.end(`${process.pid}\n`);
  });
  server.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') {
      return done(`cannot lock ${folder}: ${error.message}`, null);
    }
    askHolder(name, (pid) => {
      if (pid === null && attempts > 0) {
        setTimeout(() => bind(folder, name, attempts - 1, done), 10);
      } else {
        done(inUse(folder, pid === null ? 'another process' : `process ${pid}`), null);
      }
    });
  });
  server.listen(name, () => {
    // The lock alone must not keep a process alive that has nothing else to do.
    server.unref();
    finish(folder, server, done);
  });
}

/** Asks who holds the socket; null when nobody answers. */
function askHolder(name: string, done: (pid: string | null) => void): void {
  let text = '';
  const socket = net.connect(name);
  socket.setTimeout(answerMillisMax, () => socket.destroy());
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  socket.on('error', () => {});
  socket.once('close', () => done(/^\d+\n$/.test(text) ? text.trim() : null));
}

/**
 * The socket is ours (or there is none here): now the file, for those who cannot see the socket.
 */
function finish(folder: string, server: net.Server | null, done: LockDone): void {
  const path = `${folder}/lock`;
  const mine: Holder = { pid: process.pid, started: startOf(process.pid) };
  let reason: string | null;
  try {
    reason = claim(folder, path, JSON.stringify(mine));
  } catch (error) {
    reason = `cannot lock ${folder}: ${(error as Error).message}`;
  }
  if (reason !== null) {
    server?.close();
    return done(reason, null);
  }
  let isHeld = true;
  const release = (): void => {
    if (!isHeld) return;
    isHeld = false;
    fs.rmSync(path, { force: true });
    server?.close();
  };
  done(null, { release });
}

/** Makes the lock file, or says why not. Rare and short, so done at once. */
function claim(folder: string, path: string, mine: string): string | null {
  const own = `${path}.${process.pid}`;
  fs.writeFileSync(own, mine, { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      if (linked(own, path)) return null;
      const found = readText(path);
      if (found === null) continue;
      const holder = parse(found);
      if (holder !== null && isAlive(holder)) return inUse(folder, `process ${holder.pid}`);
      setAside(path, found);
    }
    return inUse(folder, 'another process');
  } finally {
    fs.rmSync(own, { force: true });
  }
}

/**
 * Takes a stale file away. Two may find it stale at once: (1) A takes it away and makes its own,
 * (2) B takes away A's. So B looks at what it took, and puts it back when it is not the stale one.
 */
function setAside(path: string, stale: string): void {
  const aside = `${path}.stale.${process.pid}`;
  try {
    fs.renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (readText(aside) !== stale) linked(aside, path);
  fs.rmSync(aside, { force: true });
}

/** Gives `from` the name `to` as well, unless there is one. */
function linked(from: string, to: string): boolean {
  try {
    fs.linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function readText(path: string): string | null {
  try {
    return fs.readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/**
 * Null when the file was not written whole: its writer is gone, for a link is made of a whole file.
 */
function parse(text: string): Holder | null {
  try {
    const { pid, started } = JSON.parse(text) as Partial<Holder>;
    return Number.isSafeInteger(pid) && typeof started === 'string'
      ? { pid: pid as number, started }
      : null;
  } catch {
    return null;
  }
}

function isAlive(holder: Holder): boolean {
  // A process that holds the folder twice: refused like any other.
  if (holder.pid === process.pid) return holder.started === startOf(process.pid);
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const started = startOf(holder.pid);
  if (started === zombie) return false;
  return started === '' || holder.started === '' || started === holder.started;
}

/** What `startOf` says of a process that is dead and waits for its parent to notice. */
const zombie = 'zombie';

/** Start time of a process from /proc, `zombie`, or '' when it cannot be known. */
function startOf(pid: number): string {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the name in brackets and may hold anything; the state follows it, and the
    // start time is field 22.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? zombie : (fields[19] ?? '');
  } catch {
    return '';
  }
}

function inUse(folder: string, who: string): string {
  return `data folder ${folder} is in use by ${who}`;
}
