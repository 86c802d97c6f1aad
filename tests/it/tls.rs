//! TLS with a partner: its server is known by the agreed authority alone, and we by our certificate; where either
//! does not hold, nothing leaves. Keys and certificates are made by `openssl`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use chitra::channels::sandbox::operator::{Operator, OperatorRules};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto};

use crate::support::mobile_partner::mobile_partner;
use crate::support::office::{TestOffice, on_both_databases, run};
use crate::support::real_parts::{RealPart, real_part};

on_both_databases! { run, RealPart::Postgres;
    a_server_is_known_by_the_agreed_authority
    we_are_known_by_our_certificate
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | mobile_money viettel +84901234561";

/// Keys and certificates in a folder: two authorities, a server's certificate and a client's, both of the first.
struct Papers {
    folder: tempfile::TempDir,
    openssl: String,
}

impl Papers {
    fn here() -> Option<Papers> {
        let openssl = real_part(RealPart::Openssl)?;
        let papers = Papers { folder: tempfile::tempdir().unwrap(), openssl };
        for authority in ["bank", "stranger"] {
            papers.openssl(&format!(
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj /CN={authority} \
                 -keyout {authority}.key -out {authority}.pem"
            ));
        }
        papers.signed("server", "subjectAltName=IP:127.0.0.1");
        papers.signed("office", "extendedKeyUsage=clientAuth");
        Some(papers)
    }

    fn signed(&self, name: &str, extension: &str) {
        std::fs::write(self.path("extension"), extension).unwrap();
        self.openssl(&format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN={name} -keyout {name}.key \
             -out {name}.csr"
        ));
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA bank.pem -CAkey bank.key -CAcreateserial -days 3650 -extfile extension \
             -out {name}.pem"
        ));
    }

    fn openssl(&self, arguments: &str) {
        let mut command = Command::new(&self.openssl);
        let ran =
            command.args(arguments.split_whitespace()).current_dir(&self.folder).output().unwrap();
        assert!(ran.status.success(), "{arguments}: {}", String::from_utf8_lossy(&ran.stderr));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn certificates(&self, name: &str) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_file_iter(self.path(name)).unwrap().map(Result::unwrap).collect()
    }

    /// Ends TLS before a server, as the bank's own does; gives its address.
    async fn before(&self, server: &str, asks_for_ours: bool) -> String {
        let provider = Arc::new(crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match asks_for_ours {
            false => builder.with_no_client_auth(),
            true => {
                let mut trusted = RootCertStore::empty();
                trusted.add(self.certificates("bank.pem").remove(0)).unwrap();
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(trusted), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let key = PrivateKeyDer::from_pem_file(self.path("server.key")).unwrap();
        let config = builder.with_single_cert(self.certificates("server.pem"), key).unwrap();
        let (acceptor, server) = (TlsAcceptor::from(Arc::new(config)), server.to_owned());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, server) = (acceptor.clone(), server.clone());
                tokio::spawn(async move {
                    // Whoever breaks off has said nothing to the server behind.
                    let Ok(mut outer) = acceptor.accept(stream).await else { return };
                    let Ok(mut inner) = TcpStream::connect(&server).await else { return };
                    let _ = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
                });
            }
        });
        format!("https://{address}")
    }
}

async fn month_at(office: &mut TestOffice, base_url: &str, tls: &str) -> String {
    agreed(office, base_url, tls).await;
    office.on_day("2026-10-20");
    office.month("2026-10", &[AN]).await;
    let cycle = office.sealed("2026-10", chitra::domain::cycle::CycleKind::Regular).await;
    office.released(&cycle, 0).await;
    cycle.label()
}

/// Writes how the partner is spoken to; every other partner of the operator's channel goes.
async fn agreed(office: &mut TestOffice, base_url: &str, tls: &str) {
    let path = office.dir.join("chitra.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let before = text.split("\n[[provider]]\nname = \"operator\"").next().unwrap().to_owned();
    let more = format!("[provider.http.tls]\n{tls}");
    std::fs::write(&path, before + &mobile_partner("operator", "", base_url, &more)).unwrap();
    office.reopen().await;
}

fn rules() -> OperatorRules {
    OperatorRules::default()
}

fn behind(operator: &Operator) -> String {
    operator.base_url().trim_start_matches("http://").to_owned()
}

fn file(path: &Path) -> String {
    format!("\"{}\"", path.display())
}

/// Sends what waits, and says what was credited and what became of it.
async fn sent(office: &TestOffice, operator: &Operator, label: &str) -> (usize, String) {
    let cycle = office.engine.cycle_find(label).await.unwrap();
    let said = match office.engine.dispatch(Some(cycle.number)).await {
        Ok(sent) => sent
            .iter()
            .map(|one| format!("{}: {}", one.state, one.detail))
            .collect::<Vec<_>>()
            .join(" "),
        Err(error) => format!("{}: {error}", error.code()),
    };
    (operator.credits().len(), said)
}

async fn a_server_is_known_by_the_agreed_authority(mut office: TestOffice) {
    let Some(papers) = Papers::here() else { return };
    let operator = Operator::start(rules()).await.unwrap();
    let base_url = papers.before(&behind(&operator), false).await;
    let month = month_at(&mut office, &base_url, "").await;
    for tls in [
        String::new(),
        format!("ca_file = {}\n", file(&papers.path("stranger.pem"))),
        format!("ca_file = {}\n", file(&papers.path("server.key"))),
        format!("ca_file = {}\n", file(&papers.path("nothing.pem"))),
    ] {
        agreed(&mut office, &base_url, &tls).await;
        let (credited, said) = sent(&office, &operator, &month).await;
        assert_eq!(credited, 0, "{tls}: {said}");
        assert!(said.contains("0 requests sent, the rest waits"), "{tls}: {said}");
    }
    agreed(&mut office, &base_url, &format!("ca_file = {}\n", file(&papers.path("bank.pem"))))
        .await;
    let (credited, said) = sent(&office, &operator, &month).await;
    assert_eq!(credited, 1, "{said}");
    office.engine.collect_all().await.unwrap();
    let cycle = office.engine.cycle_find(&month).await.unwrap();
    office.check(&cycle, "entitled 1", "paid 1 = 540000").await;
    office.ends_whole().await;
}

async fn we_are_known_by_our_certificate(mut office: TestOffice) {
    let Some(papers) = Papers::here() else { return };
    let operator = Operator::start(rules()).await.unwrap();
    let base_url = papers.before(&behind(&operator), true).await;
    let trusted = format!("ca_file = {}\n", file(&papers.path("bank.pem")));
    let ours = |certificate: &str, key: &str| {
        let (certificate, key) = (papers.path(certificate), papers.path(key));
        format!("{trusted}certificate_file = {}\nkey_file = {}\n", file(&certificate), file(&key))
    };
    let month = month_at(&mut office, &base_url, &trusted).await;
    for tls in [
        trusted.clone(),
        ours("stranger.pem", "stranger.key"),
        ours("office.pem", "stranger.pem"),
        ours("office.csr", "office.key"),
    ] {
        agreed(&mut office, &base_url, &tls).await;
        let (credited, said) = sent(&office, &operator, &month).await;
        assert_eq!(credited, 0, "{tls}: {said}");
    }
    agreed(&mut office, &base_url, &ours("office.pem", "office.key")).await;
    // A server that refuses our certificate says so when the request has left (TLS 1.3): what was refused so
    // is unknown until it is asked about or decided, and is not sent again.
    let (credited, said) = sent(&office, &operator, &month).await;
    assert!(credited <= 1, "{said}");
    office.ends_whole().await;
}
