//! Where a URL that a caller gave us may lead: to public addresses, by https, and nowhere else.
//!
//! A name is judged by the addresses it has at the moment of connecting, by the resolver of the very
//! connection: there is no second look-up that could be told something else. One address that is not
//! public spoils the name, since a name that mixes both is made to reach what it should not. A host
//! that is an address never meets a resolver, so whoever follows a URL calls [`Guard::check`] first.

use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use ipnet::{Ipv4Net, Ipv6Net};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use url::{Host, Url};

/// Longest wait for the addresses of a name. Within the shortest limit for a connection, of which it
/// is a part, so that a silent name server is told from a silent host.
const LOOKUP: Duration = Duration::from_secs(2);
/// The most addresses of a name that are tried. More are a mistake, or meant to keep us busy.
const ADDRESSES_MAX: usize = 16;

/// What is not public among the IPv4 addresses: the IANA registry of special purposes, but for the
/// few prefixes that it calls globally reachable.
const SPECIAL_V4: [Ipv4Net; 15] = [
    v4([0, 0, 0, 0], 8),     // this host on this network; Linux connects it to itself
    v4([10, 0, 0, 0], 8),    // private
    v4([100, 64, 0, 0], 10), // shared behind a carrier's NAT, and within clouds
    v4([127, 0, 0, 0], 8),   // loopback
    v4([169, 254, 0, 0], 16), // link-local, with the credentials of the machine at 169.254.169.254
    v4([172, 16, 0, 0], 12), // private
    v4([192, 0, 0, 0], 24),  // protocol assignments
    v4([192, 0, 2, 0], 24),  // documentation
    v4([192, 88, 99, 0], 24), // relays from IPv6, given up
    v4([192, 168, 0, 0], 16), // private
    v4([198, 18, 0, 0], 15), // measuring of devices
    v4([198, 51, 100, 0], 24), // documentation
    v4([203, 0, 113, 0], 24), // documentation
    v4([224, 0, 0, 0], 4),   // multicast
    v4([240, 0, 0, 0], 4),   // reserved, and broadcast
];

/// Where all public IPv6 addresses are. Outside lie loopback (`::1`), IPv4 in disguise (`::/96`,
/// `64:ff9b::/96`, `64:ff9b:1::/48`), addresses that lead nowhere (`100::/64`), segment routing
/// (`5f00::/16`), private (`fc00::/7`), link-local (`fe80::/10`), site-local (`fec0::/10`) and
/// multicast addresses (`ff00::/8`), and all that nobody was given yet.
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0], 3);
/// What is not public among those.
const SPECIAL_V6: [Ipv6Net; 4] = [
    v6([0x2001, 0], 23), // protocol assignments; among them Teredo, which holds an IPv4 address
    v6([0x2001, 0xdb8], 32), // documentation
    v6([0x2002, 0], 16), // 6to4, which holds an IPv4 address
    v6([0x3fff, 0], 20), // documentation
];

const fn v4([a, b, c, d]: [u8; 4], length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6([a, b]: [u16; 2], length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), length)
}

/// Whether an address belongs to the internet, and not to a machine or to a network of somebody.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    // An IPv4 address that is written as an IPv6 address connects to the IPv4 address.
    match address.to_canonical() {
        IpAddr::V4(address) => !SPECIAL_V4.iter().any(|prefix| prefix.contains(&address)),
        IpAddr::V6(address) => {
            GLOBAL_V6.contains(&address)
                && !SPECIAL_V6.iter().any(|prefix| prefix.contains(&address))
        }
    }
}

/// Why a URL is not followed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refused {
    /// Nobody may write such a URL.
    #[error("not an https URL with a public host and without credentials")]
    Url,
    /// It leads to where we do not go.
    #[error("an address that is not public")]
    Address,
    /// It leads nowhere, at least now.
    #[error("the name has no address")]
    Name(#[source] Arc<io::Error>),
}

/// The addresses of a name, which come later.
type Addresses = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;
type Lookup = dyn Fn(String) -> Addresses + Send + Sync;

/// Which URLs are followed, beside those that everybody may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ways {
    /// None.
    Internet,
    /// `http`, to this machine alone.
    ThisMachine,
}

/// Who decides where we connect to on behalf of a caller.
#[derive(Clone)]
pub struct Guard {
    lookup: Arc<Lookup>,
    admits: fn(IpAddr) -> bool,
    roots: Arc<RootCertStore>,
    ways: Ways,
}

impl Guard {
    /// The guard of everything that runs: the system's resolver, public addresses only, and the
    /// compiled-in roots.
    #[must_use]
    pub fn public() -> Self {
        Self::new(look_up, is_public, public_roots())
    }

    /// The guard of a stack on one machine: it also lets requests through to servers of that machine, and
    /// to them without TLS, so that whoever tries a receiver out needs no certificate. In the cloud this
    /// would be a way inside.
    #[must_use]
    pub fn this_machine() -> Self {
        let admits = |address: IpAddr| is_public(address) || address.to_canonical().is_loopback();
        Self { ways: Ways::ThisMachine, ..Self::new(look_up, admits, public_roots()) }
    }

    /// A guard that asks another resolver, admits other addresses and trusts other roots: for tests
    /// whose servers are on this machine.
    pub fn new<F>(
        lookup: impl Fn(String) -> F + Send + Sync + 'static,
        admits: fn(IpAddr) -> bool,
        roots: RootCertStore,
    ) -> Self
    where
        F: Future<Output = io::Result<Vec<IpAddr>>> + Send + 'static,
    {
        let lookup = move |name| -> Addresses { Box::pin(lookup(name)) };
        Self { lookup: Arc::new(lookup), admits, roots: Arc::new(roots), ways: Ways::Internet }
    }

    /// Judges a URL by what it says. To be asked before a URL is followed; what a name leads to is
    /// judged when it is connected to.
    ///
    /// # Errors
    /// [`Refused`], if it is not to be followed.
    pub fn check(&self, url: &Url) -> Result<(), Refused> {
        let is_anonymous = url.username().is_empty() && url.password().is_none();
        let is_followed = url.scheme() == "https" || self.is_to_this_machine(url);
        if !is_followed || !is_anonymous {
            return Err(Refused::Url);
        }
        // `url` has read an address in whichever way it was written: 127.1, 0x7f.1, 2130706433.
        match url.host().ok_or(Refused::Url)? {
            Host::Ipv4(address) => self.admit(address.into()),
            Host::Ipv6(address) => self.admit(address.into()),
            Host::Domain(name) if is_local(name) => Err(Refused::Url),
            Host::Domain(_) => Ok(()),
        }
    }

    /// Whether it is a URL without TLS that this guard follows all the same.
    fn is_to_this_machine(&self, url: &Url) -> bool {
        let is_loopback = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(_)) | None => false,
        };
        self.ways == Ways::ThisMachine && url.scheme() == "http" && is_loopback
    }

    /// A client that connects to nothing but what the guard admits, and whose user sets its limits.
    /// No redirect is followed, since its target was not checked; no proxy is used, since a proxy
    /// resolves names itself; nothing is unpacked, since it might not end; and no idle connection is
    /// kept, since it does not survive that a function is frozen.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn client(&self) -> Result<reqwest::ClientBuilder, rustls::Error> {
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(Arc::clone(&self.roots))
            .with_no_client_auth();
        Ok(reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(Arc::new(self.clone()))
            .https_only(self.ways == Ways::Internet)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            .pool_max_idle_per_host(0)
            .user_agent(concat!("holdfast/", env!("CARGO_PKG_VERSION"))))
    }

    fn admit(&self, address: IpAddr) -> Result<(), Refused> {
        if (self.admits)(address) { Ok(()) } else { Err(Refused::Address) }
    }

    /// The addresses of a name, all of which we would connect to.
    async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, Refused> {
        if is_local(name) {
            return Err(Refused::Url);
        }
        // The system's resolver cannot be interrupted: it goes on in a thread of its own, unheard.
        let found = tokio::time::timeout(LOOKUP, (self.lookup)(name.to_owned())).await;
        let nowhere = |error: io::Error| Refused::Name(Arc::new(error));
        let mut addresses = found.map_err(|late| nowhere(late.into()))?.map_err(nowhere)?;
        if addresses.is_empty() {
            return Err(nowhere(io::ErrorKind::NotFound.into()));
        }
        addresses.iter().try_for_each(|address| self.admit(*address))?;
        addresses.truncate(ADDRESSES_MAX);
        Ok(addresses)
    }
}

/// Asks the system's resolver.
async fn look_up(name: String) -> io::Result<Vec<IpAddr>> {
    // The port is the URL's.
    let addresses = tokio::net::lookup_host((name, 0)).await?;
    Ok(addresses.map(|address| address.ip()).collect())
}

fn public_roots() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let addresses = guard.addresses(name.as_str()).await?;
            // The connector puts the URL's port in the place of a zero.
            let addresses = addresses.into_iter().map(|address| SocketAddr::new(address, 0));
            let addresses: Addrs = Box::new(addresses);
            Ok(addresses)
        })
    }
}

/// Whether a name is meant for this machine or for the network it is in, whatever it resolves to.
fn is_local(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let top = name.rsplit_once('.').map_or(name.as_str(), |(_, top)| top);
    matches!(top, "localhost" | "local" | "internal")
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guard")
    }
}

#[cfg(test)]
mod tests;
