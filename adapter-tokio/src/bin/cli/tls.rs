//! TLS: whom the program trusts, and who it says that it is.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use mqtt_as_tokio::Tls;

use super::arguments::Arguments;
use super::failure::Failure;

/// What the command line says of TLS.
#[derive(Default)]
pub(crate) struct TlsArguments {
    ca_file: Option<PathBuf>,
    ca_path: Option<PathBuf>,
    /// The certificate of this program, and its key.
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    protocol: Option<String>,
    os_certificates: bool,
}

impl TlsArguments {
    /// Takes one of these options; false if it is none of them.
    pub(crate) fn take(
        &mut self,
        option: &str,
        arguments: &mut Arguments,
    ) -> Result<bool, Failure> {
        match option {
            "--cafile" => self.ca_file = Some(arguments.value()?.into()),
            "--capath" => self.ca_path = Some(arguments.value()?.into()),
            "--cert" => self.certificate = Some(arguments.value()?.into()),
            "--key" => self.key = Some(arguments.value()?.into()),
            "--tls-alpn" => self.protocol = Some(arguments.text()?),
            "--tls-use-os-certs" => self.os_certificates = true,
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub(crate) fn check(&self) -> Result<(), Failure> {
        match (&self.certificate, &self.key) {
            (Some(_), None) => Err(Failure::new("a certificate needs its key: --key")),
            (None, Some(_)) => Err(Failure::new("a key needs its certificate: --cert")),
            _ => Ok(()),
        }
    }

    /// One of the options is enough.
    pub(crate) fn is_wanted(&self) -> bool {
        let paths = [&self.ca_file, &self.ca_path, &self.certificate];
        paths.into_iter().any(Option::is_some) || self.protocol.is_some() || self.os_certificates
    }

    /// Reads the files.
    pub(crate) fn read(&self) -> Result<Tls, Failure> {
        let mut tls = Tls::new();
        let mut authorities = Vec::new();
        if let Some(path) = &self.ca_file {
            authorities.extend(read(path)?);
        }
        if let Some(path) = &self.ca_path {
            authorities.extend(read_all(path)?);
        }
        if !authorities.is_empty() {
            tls = tls.ca_pem(authorities);
        }
        if let (Some(certificate), Some(key)) = (&self.certificate, &self.key) {
            tls = tls.client_pem(read(certificate)?, read(key)?);
        }
        match &self.protocol {
            Some(protocol) => Ok(tls.alpn(&[protocol])),
            None => Ok(tls),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::new(format_args!("{}: {error}", path.display())))
}

/// What is in all files of a directory.
fn read_all(path: &Path) -> Result<Vec<u8>, Failure> {
    let files = || -> io::Result<Vec<PathBuf>> {
        fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect()
    };
    let wrong = |error| Failure::new(format_args!("{}: {error}", path.display()));
    let files = files().map_err(wrong)?;
    let files = files.iter().filter(|path| path.is_file()).map(|path| read(path));
    files.collect::<Result<Vec<_>, _>>().map(|files| files.join(&b'\n'))
}
