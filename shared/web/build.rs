//! Makes what is served of `docs/openapi.json`: the same without its white space, which is more than half of it and would be in
//! memory, too.

use std::{env, error::Error, fs, path::Path};

use serde_json::Value;

const FILE: &str = "../../docs/openapi.json";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={FILE}");
    let described: Value = serde_json::from_str(&fs::read_to_string(FILE)?)?;
    let to = env::var_os("OUT_DIR").ok_or("cargo names no place for what is made")?;
    fs::write(Path::new(&to).join("openapi.json"), described.to_string())?;
    Ok(())
}
