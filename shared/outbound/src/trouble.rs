//! What went wrong on the way to somebody's server. Nothing in here names a host: what others say about a
//! failure is taken over only as far as that holds.

use std::{error::Error, io};

use rustls::CertificateError;

use crate::Refused;

/// Why there is no answer, or none that is whole.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// It leads to where we do not go.
    #[error("the guard refuses it")]
    Refused(#[source] Refused),
    /// There is no TLS, or no certificate that can be trusted.
    #[error("there is no TLS connection")]
    Tls(#[source] rustls::Error),
    /// Nobody listens.
    #[error("there is no connection")]
    Connection(#[source] io::Error),
    /// It takes too long.
    #[error("the time is over")]
    Late,
    /// It begins and does not end.
    #[error("the answer broke off")]
    Broken(#[source] reqwest::Error),
}

impl Trouble {
    /// Whether it may be gone a moment later.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Refused(Refused::Name(_))
            | Self::Connection(_)
            | Self::Late
            | Self::Broken(_) => true,
            Self::Refused(Refused::Url | Refused::Address) | Self::Tls(_) => false,
        }
    }
}

impl From<reqwest::Error> for Trouble {
    fn from(error: reqwest::Error) -> Self {
        if let Some(refused) = find::<Refused>(&error) {
            Self::Refused(refused.clone())
        } else if let Some(error) = find::<rustls::Error>(&error) {
            Self::Tls(without_names(error.clone()))
        } else if error.is_timeout() {
            Self::Late
        } else if error.is_connect() {
            // The error itself knows the address.
            let kind = find::<io::Error>(&error).map_or(io::ErrorKind::Other, io::Error::kind);
            Self::Connection(kind.into())
        } else {
            Self::Broken(error.without_url())
        }
    }
}

/// The first error of a kind among an error and its causes. What an I/O error was made from is not
/// among its causes, so it is looked into.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        let inner = error.downcast_ref().and_then(io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

/// A certificate for another host is told with both names.
fn without_names(error: rustls::Error) -> rustls::Error {
    if let rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext { .. }) =
        error
    {
        CertificateError::NotValidForName.into()
    } else {
        error
    }
}
