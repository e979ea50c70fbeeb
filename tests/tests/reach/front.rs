//! A TLS server that hands on what it reads to a plain one, and back.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use async_io::{Async, block_on};
use futures_lite::future::or;
use futures_lite::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use futures_rustls::TlsAcceptor;
use futures_rustls::rustls::crypto::ring;
use futures_rustls::rustls::pki_types::pem::PemObject;
use futures_rustls::rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer,
};
use futures_rustls::rustls::server::{NoClientAuth, WebPkiClientVerifier, danger};
use futures_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use futures_rustls::rustls::{RootCertStore, ServerConfig};

use super::certificates::{Authority, Identity};

/// Whom a server lets in.
pub(crate) enum Clients<'a> {
    /// All.
    All,
    /// Those whose certificate that authority has signed, and not revoked.
    Of(&'a Authority),
    /// Those whose certificate was signed by that one, in PEM.
    SignedBy(&'a [u8]),
}

/// What a client said when it was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hello {
    /// The name of the server (SNI).
    pub(crate) name: Option<String>,
    /// The protocol (ALPN).
    pub(crate) protocol: Option<String>,
    /// It has shown a certificate.
    pub(crate) has_certificate: bool,
    /// The session is another one's.
    pub(crate) is_resumed: bool,
}

/// The server. It ends when it is dropped; its links do when either side ends them.
pub(crate) struct Front {
    pub(crate) port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    acceptor: TlsAcceptor,
    server: SocketAddr,
    hellos: Mutex<Vec<Hello>>,
    shown: Mutex<Vec<Vec<u8>>>,
    is_over: AtomicBool,
}

impl Front {
    pub(crate) fn start(server: SocketAddr, identity: &Identity, clients: &Clients<'_>) -> Self {
        Self::with_config(server, config(identity, clients))
    }

    pub(crate) fn with_config(server: SocketAddr, config: ServerConfig) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Shared {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            server,
            hellos: Mutex::default(),
            shown: Mutex::default(),
            is_over: AtomicBool::new(false),
        });
        let accepting = shared.clone();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if accepting.is_over.load(Ordering::Relaxed) {
                    return;
                }
                let serving = accepting.clone();
                thread::spawn(move || block_on(serving.serve(client)));
            }
        });
        Self { port, shared }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The certificates, as DER, of those that were let in and have shown one.
    pub(crate) fn shown(&self) -> Vec<Vec<u8>> {
        self.shared.shown.lock().expect("no panic").clone()
    }

    /// What those said that were let in.
    pub(crate) fn hellos(&self) -> Vec<Hello> {
        self.shared.hellos.lock().expect("no panic").clone()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.addr()); // Wakes the thread that accepts.
    }
}

impl Shared {
    /// The link ends with either side, or is none: the client sees it.
    async fn serve(&self, client: TcpStream) -> Option<()> {
        let _ = client.set_nodelay(true);
        let client = self.acceptor.accept(Async::new(client).ok()?).await.ok()?;
        let connection = client.get_ref().1;
        let shown = connection.peer_certificates().and_then(|chain| chain.first());
        self.shown.lock().expect("no panic").extend(shown.map(|first| first.to_vec()));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        self.hellos.lock().expect("no panic").push(Hello {
            name: connection.server_name().map(str::to_owned),
            protocol: connection.alpn_protocol().map(text),
            has_certificate: connection.peer_certificates().is_some(),
            is_resumed: connection.handshake_kind()
                == Some(futures_rustls::rustls::HandshakeKind::Resumed),
        });
        let server = Async::<TcpStream>::connect(self.server).await.ok()?;
        let _ = server.get_ref().set_nodelay(true);
        let ((from_client, to_client), (from_server, to_server)) = (split(client), split(server));
        or(hand_on(from_client, to_server), hand_on(from_server, to_client)).await
    }
}

async fn hand_on(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> Option<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let len = from.read(&mut buffer).await.ok().filter(|len| *len != 0);
        let Some(len) = len else { return to.close().await.ok() };
        to.write_all(&buffer[..len]).await.ok()?;
        to.flush().await.ok()?;
    }
}

/// The settings of a server.
pub(crate) fn config(identity: &Identity, clients: &Clients<'_>) -> ServerConfig {
    let chain = CertificateDer::pem_slice_iter(identity.certificate.as_bytes());
    let chain = chain.collect::<Result<_, _>>().expect("certificates");
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).expect("a key");
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("versions");
    let builder = builder.with_client_cert_verifier(verifier(clients));
    let key = ring::default_provider().key_provider.load_private_key(key).expect("a key of ring's");
    // rustls as a server would judge its own certificate: this one shows any.
    builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(CertifiedKey::new(chain, key))))
}

fn verifier(clients: &Clients<'_>) -> Arc<dyn danger::ClientCertVerifier> {
    let (root, revoked) = match clients {
        Clients::All => return Arc::new(NoClientAuth),
        Clients::Of(authority) => (authority.pem.as_bytes(), Some(authority.revocations())),
        Clients::SignedBy(root) => (*root, None),
    };
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(root).expect("a certificate");
    roots.add(root).expect("a root");
    let list = |pem: String| CertificateRevocationListDer::from_pem_slice(pem.as_bytes());
    let revoked = revoked.map(|pem| list(pem).expect("a list"));
    let provider = Arc::new(ring::default_provider());
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    builder.with_crls(revoked).build().expect("a verifier")
}
