/**
 * The real disk: the one file (with folder-lock.ts) that imports node:fs. Callback-style, nothing
 * kept but file descriptors. It adds three rules to what the system does: a short count from a
 * write is an error, as is a failing close; files are 0600 and directories 0700; every error says
 * operation, path and reason in one line.
 */

import * as fs from 'node:fs';
import type { Disk, DiskError, DiskFile, Done, OpenOptions } from './disk.js';

const { O_CREAT, O_DSYNC, O_EXCL, O_RDONLY, O_RDWR } = fs.constants;

/** The file system of this machine. */
export class NodeDisk implements Disk {
  open(
    path: string,
    options: OpenOptions,
    done: (error: DiskError | null, file: DiskFile | null) => void,
  ): void {
    let flags = options.write ? O_RDWR : O_RDONLY;
    if (options.create) flags |= O_CREAT | O_EXCL;
    if (options.dataSync) flags |= O_DSYNC;
    fs.open(path, flags, 0o600, (error, descriptor) => {
      if (error) done(failure('open', path, error), null);
      else done(null, new NodeFile(path, descriptor));
    });
  }

  size(path: string, done: (error: DiskError | null, bytes: number) => void): void {
    fs.stat(path, (error, stats) => {
      if (error) done(failure('stat', path, error), 0);
      else done(null, stats.size);
    });
  }

  list(path: string, done: (error: DiskError | null, names: readonly string[]) => void): void {
    fs.readdir(path, (error, names) => {
      if (error) done(failure('readdir', path, error), []);
      else done(null, names.sort());
    });
  }

  makeDirectory(path: string, done: Done): void {
    fs.mkdir(path, { recursive: true, mode: 0o700 }, (error) =>
      done(error ? failure('mkdir', path, error) : null),
    );
  }

  rename(from: string, to: string, done: Done): void {
    fs.rename(from, to, (error) => done(error ? failure('rename', from, error) : null));
  }

  remove(path: string, done: Done): void {
    fs.unlink(path, (error) => done(error ? failure('unlink', path, error) : null));
  }

  room(path: string, done: (error: DiskError | null, bytes: number) => void): void {
    fs.statfs(path, (error, stats) => {
      if (error) done(failure('statfs', path, error), 0);
      else done(null, stats.bavail * stats.bsize);
    });
  }

  syncDirectory(path: string, done: Done): void {
    fs.open(path, O_RDONLY, (openError, descriptor) => {
      if (openError) return done(failure('open', path, openError));
      fs.fsync(descriptor, (syncError) => {
        fs.close(descriptor, (closeError) => {
          const error = syncError ?? closeError;
          done(error ? failure('fsync', path, error) : null);
        });
      });
    });
  }
}

class NodeFile implements DiskFile {
  readonly path: string;
  readonly #descriptor: number;

  constructor(path: string, descriptor: number) {
    this.path = path;
    this.#descriptor = descriptor;
  }

  write(parts: readonly Uint8Array[], position: number, done: Done): void {
    const first = parts[0];
    if (parts.length === 1 && first !== undefined) {
      fs.write(this.#descriptor, first, 0, first.length, position, (error, count) =>
        done(this.#judgeWrite(error, count, first.length)),
      );
      return;
    }
    let wanted = 0;
    for (const part of parts) wanted += part.length;
    // Node wants a mutable array but does not change it.
    fs.writev(this.#descriptor, parts as Uint8Array[], position, (error, count) =>
      done(this.#judgeWrite(error, count, wanted)),
    );
  }

  read(
    into: Uint8Array,
    position: number,
    done: (error: DiskError | null, count: number) => void,
  ): void {
    this.#readFrom(into, 0, position, done);
  }

  sync(done: Done): void {
    fs.fdatasync(this.#descriptor, (error) =>
      done(error ? failure('fdatasync', this.path, error) : null),
    );
  }

  truncate(size: number, done: Done): void {
    fs.ftruncate(this.#descriptor, size, (error) =>
      done(error ? failure('truncate', this.path, error) : null),
    );
  }

  close(done: Done): void {
    fs.close(this.#descriptor, (error) => done(error ? failure('close', this.path, error) : null));
  }

  /** The system may give fewer bytes than asked (a signal, 2 GiB): only nought means the end. */
  #readFrom(
    into: Uint8Array,
    filled: number,
    position: number,
    done: (error: DiskError | null, count: number) => void,
  ): void {
    const wanted = into.length - filled;
    fs.read(this.#descriptor, into, filled, wanted, position + filled, (error, count) => {
      if (error) done(failure('read', this.path, error), filled);
      else if (count === 0 || count === wanted) done(null, filled + count);
      else this.#readFrom(into, filled + count, position, done);
    });
  }

  #judgeWrite(
    error: NodeJS.ErrnoException | null,
    count: number,
    wanted: number,
  ): DiskError | null {
    if (error) return failure('write', this.path, error);
    if (count === wanted) return null;
    // The system shortens a write when the disk is (nearly) full; nothing else does on a file.
    const message = `write ${this.path}: ${count} of ${wanted} bytes were taken`;
    return { code: 'ENOSPC', message };
  }
}

function failure(operation: string, path: string, error: NodeJS.ErrnoException): DiskError {
  const code = error.code ?? 'EIO';
  return { code, message: `${operation} ${path}: ${code} ${error.message}` };
}
