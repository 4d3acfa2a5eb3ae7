// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit.net;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.ECGenParameterSpec;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * A key made for this process, with a certificate signed by itself for {@code localhost} and
 * 127.0.0.1.
 *
 * <p>The JDK has no public call that makes a certificate. The few DER structures of RFC 5280 are
 * therefore written here, which spares the tests a keytool process and a key file.
 */
public final class TlsMaterial {
  private static final int SEQUENCE = 0x30;
  private static final int SET = 0x31;
  private static final int INTEGER = 0x02;
  private static final int BIT_STRING = 0x03;
  private static final int OCTET_STRING = 0x04;
  private static final int OBJECT_ID = 0x06;
  private static final int UTF8_STRING = 0x0c;
  private static final int GENERALIZED_TIME = 0x18;
  private static final byte[] ECDSA_WITH_SHA256 = {
    0x2a, (byte) 0x86, 0x48, (byte) 0xce, 0x3d, 0x04, 0x03, 0x02
  };
  private static final byte[] COMMON_NAME = {0x55, 0x04, 0x03};
  private static final byte[] SUBJECT_ALT_NAME = {0x55, 0x1d, 0x11};

  private final KeyStore keyStore;

  private TlsMaterial(KeyStore keyStore) {
    this.keyStore = keyStore;
  }

  /** The one of this process, made at first use. */
  public static TlsMaterial shared() {
    return Shared.MATERIAL;
  }

  /** Key and certificate, for servers; its password is {@link #password()}. */
  public KeyStore keyStore() {
    return keyStore;
  }

  /** Password of the key store and of the key. */
  public static String password() {
    return "of no use outside of this process";
  }

  /** What a server presents. */
  public SSLContext serverContext() {
    try {
      KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
      keys.init(keyStore, password().toCharArray());
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(keys.getKeyManagers(), null, null);
      return context;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("TLS is not available", e);
    }
  }

  /** A client that trusts this certificate and no other. */
  public SSLContext clientContext() {
    try {
      TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
      trust.init(keyStore);
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(null, trust.getTrustManagers(), null);
      return context;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("TLS is not available", e);
    }
  }

  private static TlsMaterial create() {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(new ECGenParameterSpec("secp256r1"));
      KeyPair pair = generator.generateKeyPair();
      Certificate certificate = selfSigned(pair);
      KeyStore store = KeyStore.getInstance("PKCS12");
      store.load(null, null);
      store.setKeyEntry(
          "server", pair.getPrivate(), password().toCharArray(), new Certificate[] {certificate});
      // As a trusted entry of its own, the same store serves a TrustManagerFactory.
      store.setCertificateEntry("trusted", certificate);
      return new TlsMaterial(store);
    } catch (GeneralSecurityException | IOException e) {
      throw new IllegalStateException("no certificate could be made", e);
    }
  }

  private static Certificate selfSigned(KeyPair pair) throws GeneralSecurityException {
    byte[] algorithm = der(SEQUENCE, der(OBJECT_ID, ECDSA_WITH_SHA256));
    byte[] name =
        der(
            SEQUENCE,
            der(
                SET,
                der(
                    SEQUENCE,
                    der(OBJECT_ID, COMMON_NAME),
                    der(UTF8_STRING, "localhost".getBytes(StandardCharsets.US_ASCII)))));
    byte[] alternatives =
        der(
            SEQUENCE,
            der(0x82, "localhost".getBytes(StandardCharsets.US_ASCII)),
            der(0x87, new byte[] {127, 0, 0, 1}));
    byte[] extensions =
        der(
            SEQUENCE,
            der(SEQUENCE, der(OBJECT_ID, SUBJECT_ALT_NAME), der(OCTET_STRING, alternatives)));
    Instant now = Instant.now();
    byte[] body =
        der(
            SEQUENCE,
            der(0xa0, der(INTEGER, new byte[] {2})),
            der(INTEGER, new BigInteger(63, new SecureRandom()).toByteArray()),
            algorithm,
            name,
            der(SEQUENCE, time(now.minus(1, ChronoUnit.DAYS)), time(now.plus(30, ChronoUnit.DAYS))),
            name,
            pair.getPublic().getEncoded(),
            der(0xa3, extensions));
    Signature signature = Signature.getInstance("SHA256withECDSA");
    signature.initSign(pair.getPrivate());
    signature.update(body);
    byte[] signed = der(SEQUENCE, body, algorithm, bitString(signature.sign()));
    return CertificateFactory.getInstance("X.509")
        .generateCertificate(new ByteArrayInputStream(signed));
  }

  private static byte[] time(Instant instant) {
    String text =
        DateTimeFormatter.ofPattern("yyyyMMddHHmmss'Z'").withZone(ZoneOffset.UTC).format(instant);
    return der(GENERALIZED_TIME, text.getBytes(StandardCharsets.US_ASCII));
  }

  private static byte[] bitString(byte[] bits) {
    byte[] unusedBits = {0};
    return der(BIT_STRING, unusedBits, bits);
  }

  private static byte[] der(int tag, byte[]... parts) {
    ByteArrayOutputStream content = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      content.writeBytes(part);
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(tag);
    int length = content.size();
    if (length >= 0x100) {
      out.write(0x82);
      out.write(length >> 8);
    } else if (length >= 0x80) {
      out.write(0x81);
    }
    out.write(length);
    out.writeBytes(content.toByteArray());
    return out.toByteArray();
  }

  /** Made when first asked for. */
  private static final class Shared {
    static final TlsMaterial MATERIAL = create();

    private Shared() {}
  }
}
