/**
 * What a port of the lab's switch lets through to its host, as a program of the kernel's classic
 * packet filter. It decides by the sender's hardware address, so that everything a host sends is
 * meant: IPv4, IPv6, multicast and the asking for addresses. The kernel's own traffic control runs
 * it (tc, cls_bpf), so nothing but iproute2 has to be installed.
 * Invariant: what no rule names passes.
 */

/** What becomes of frames of one sender on their way to one receiver. */
export interface PathRule {
  /** Number of the sending host, from 1. */
  readonly from: number;
  /** Share of its frames that is lost, above 0, up to 1: none arrives. */
  readonly lossShare: number;
}

/** The hardware address of a host: its number, behind a prefix for addresses given locally. */
export function hardwareAddress(host: number): string {
  const bytes = [0x02, 0x66, host >>> 24, (host >>> 16) & 255, (host >>> 8) & 255, host & 255];
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** Where the last four bytes of the sender's address stand in an Ethernet frame. */
const senderOffset = 8;

/** Instructions and answers, as linux/filter.h and linux/pkt_cls.h have them. */
const loadWord = 32;
const jumpIfEqual = 21;
const jumpIfAtLeast = 53;
const answer = 6;
const passFrame = 0xffff_ffff;
const dropFrame = 2;
/** Loading from this place gives a random word: SKF_AD_OFF + SKF_AD_RANDOM. */
const randomWord = 0x1_0000_0000 - 0x1000 + 56;

/** The program in tc's notation: the number of instructions, then each as `code jt jf k`. */
export function packetFilter(rules: readonly PathRule[]): string {
  const lines: string[] = [`${loadWord} 0 0 ${senderOffset}`];
  for (const { from, lossShare } of rules) {
    if (lossShare >= 1) {
      lines.push(`${jumpIfEqual} 0 1 ${from}`, `${answer} 0 0 ${dropFrame}`);
      continue;
    }
    // A rule that spares its frame ends the program: the sender's address is loaded no more.
    lines.push(
      `${jumpIfEqual} 0 4 ${from}`,
      `${loadWord} 0 0 ${randomWord}`,
      `${jumpIfAtLeast} 1 0 ${Math.round(lossShare * 0x1_0000_0000)}`,
      `${answer} 0 0 ${dropFrame}`,
      `${answer} 0 0 ${passFrame}`,
    );
  }
  lines.push(`${answer} 0 0 ${passFrame}`);
  return `${lines.length},${lines.join(',')}`;
}
