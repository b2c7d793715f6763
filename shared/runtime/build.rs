//! Picks the roots that AWS endpoints chain to out of Mozilla's list: Amazon Root CA 1 to 4 and the Starfield root before
//! them (<https://www.amazontrust.com/repository/>). At a start it would read the whole list, which would be in every
//! function.

use std::{env, error::Error, fs, path::Path};

use pem::Pem;
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

/// What the five are called.
const NAMES: [&[u8]; 2] = [b"Amazon Root CA", b"Starfield Services Root"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let has = |der: &[u8], name: &[u8]| der.windows(name.len()).any(|part| part == name);
    let ours = TLS_SERVER_ROOT_CERTS.iter().filter(|der| NAMES.iter().any(|name| has(der, name)));
    let ours: Vec<Pem> = ours.map(|der| Pem::new("CERTIFICATE", der.as_ref())).collect();
    if ours.len() != 5 {
        return Err(format!("Mozilla's list has {} of Amazon's five roots", ours.len()).into());
    }
    let to = env::var_os("OUT_DIR").ok_or("cargo names no place for what is made")?;
    fs::write(Path::new(&to).join("amazon_roots.pem"), pem::encode_many(&ours))?;
    Ok(())
}
