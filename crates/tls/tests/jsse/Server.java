import java.io.FileInputStream;
import java.net.InetAddress;
import java.security.KeyStore;
import java.security.Security;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;

/** A TLS server that still speaks what Java ships disabled: arguments are a PKCS#12 file and the protocols. */
public class Server {
    public static void main(String[] arguments) throws Exception {
        Security.setProperty("jdk.tls.disabledAlgorithms", "");
        Security.setProperty("jdk.tls.legacyAlgorithms", "");
        char[] password = "changeit".toCharArray();
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(new FileInputStream(arguments[0]), password);
        KeyManagerFactory keys = KeyManagerFactory.getInstance("SunX509");
        keys.init(store, password);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), null, null);
        SSLServerSocket server = (SSLServerSocket) context.getServerSocketFactory()
            .createServerSocket(0, 50, InetAddress.getByName("127.0.0.1"));
        server.setEnabledProtocols(arguments[1].split(","));
        server.setEnabledCipherSuites(server.getSupportedCipherSuites());
        for (String suite : server.getEnabledCipherSuites()) {
            System.out.println("SUITE " + suite);
        }
        System.out.println("ACCEPT 127.0.0.1:" + server.getLocalPort());
        while (true) {
            SSLSocket socket = (SSLSocket) server.accept();
            new Thread(() -> {
                try (socket) {
                    socket.startHandshake();
                } catch (Exception expected) {
                    // Every handshake of a scan ends half-way.
                }
            }).start();
        }
    }
}
