// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit.witness;

import java.io.BufferedOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A file of captured packets (pcapng, of one interface that frames as Ethernet does, such as
 * Linux's loopback), which can be dealt out to several, so that several processors dissect it.
 */
final class PacketFile {
  private static final int SECTION_HEADER = 0x0a0d0d0a;
  private static final int ENHANCED_PACKET = 6;
  private static final int BYTE_ORDER_MAGIC = 0x1a2b3c4d;

  /** Of a block: where its packet begins, behind interface, time and two lengths. */
  private static final int PACKET = 28;

  private static final int ETHERNET_BYTES = 14;
  private static final int IPV4 = 0x0800;
  private static final int IPV6_BYTES = 40;

  private PacketFile() {}

  /**
   * Deals the packets out by their connection: all of one connection come into the same file, in
   * order.
   */
  static void deal(Path packets, List<Path> parts) throws IOException {
    List<OutputStream> out = new ArrayList<>();
    try (FileChannel file = FileChannel.open(packets)) {
      for (Path part : parts) {
        out.add(new BufferedOutputStream(Files.newOutputStream(part), 1 << 16));
      }
      ByteBuffer in = file.map(FileChannel.MapMode.READ_ONLY, 0, file.size());
      in.order(ByteOrder.LITTLE_ENDIAN);
      while (in.remaining() >= 12) {
        int start = in.position();
        int type = in.getInt(start);
        if (type == SECTION_HEADER && in.getInt(start + 8) != BYTE_ORDER_MAGIC) {
          in.order(ByteOrder.BIG_ENDIAN);
        }
        byte[] block = new byte[in.getInt(start + 4)];
        if (block.length < 12 || block.length > in.remaining()) {
          throw new IOException("block of " + block.length + " bytes at " + start);
        }
        in.get(block);
        if (type == ENHANCED_PACKET) {
          out.get(connectionOf(ByteBuffer.wrap(block)) % out.size()).write(block);
        } else {
          for (OutputStream part : out) {
            part.write(block);
          }
        }
      }
    } finally {
      for (Closeable part : out) {
        part.close();
      }
    }
  }

  /** The same for both directions; ports that a kernel gives out go up by two. */
  private static int connectionOf(ByteBuffer block) {
    int ip = PACKET + ETHERNET_BYTES;
    boolean isIpv4 = block.getShort(ip - Short.BYTES) == IPV4;
    int tcp = ip + (isIpv4 ? (block.get(ip) & 0xf) * Integer.BYTES : IPV6_BYTES);
    int from = block.getShort(tcp) & 0xffff;
    int to = block.getShort(tcp + Short.BYTES) & 0xffff;
    return (from + to) >>> 1;
  }
}
