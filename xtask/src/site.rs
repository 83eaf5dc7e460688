//! Builds the server and what the browser loads: `target/site/pkg/undertone.<hash>.{js,wasm,css}` with compressed
//! twins, `target/site/manifest.json` that names them, and `public/` beside.

use crate::setup;
use crate::step::{Outcome, cargo, root, run, step};
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::{Path, PathBuf};

const TARGET: &str = "wasm32-unknown-unknown";

/// The site first: a release build of the server embeds it.
pub fn build_all(release: bool) -> Outcome {
    setup::for_build()?;
    build_site(release)?;
    step("build the server", || {
        let mut args = vec!["build", "-p", "server", "--bin", "undertone"];
        if release {
            args.push("--release");
        }
        run(&mut cargo(&args))
    })
}

pub fn build_site(release: bool) -> Outcome {
    step("build the site", || {
        let mut args = vec!["build", "-p", "frontend", "--lib", "--target", TARGET];
        if release {
            args.extend(["--profile", "wasm-release"]);
        }
        // The dev profile is shared with the host build; line tables are of no use in the browser.
        run(cargo(&args).env("CARGO_PROFILE_DEV_DEBUG", "0"))?;
        let profile = if release { "wasm-release" } else { "debug" };
        let wasm = target().join(TARGET).join(profile).join("frontend.wasm");
        assemble(&wasm, &root().join("target/site"), release)
    })
}

/// Where cargo puts what it builds.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

fn assemble(wasm: &Path, site: &Path, release: bool) -> Outcome {
    let glue = root().join("target/site-glue");
    let mut bindgen = wasm_bindgen_cli_support::Bindgen::new();
    bindgen
        .input_path(wasm)
        .out_name("undertone")
        .remove_name_section(true)
        .remove_producers_section(true)
        .typescript(false);
    bindgen.web(true).map_err(|error| format!("{error:#}"))?;
    bindgen.generate(&glue).map_err(|error| format!("wasm-bindgen: {error:#}"))?;

    let fresh = site.with_extension("new");
    let pkg = fresh.join("pkg");
    let _ = std::fs::remove_dir_all(&fresh);
    std::fs::create_dir_all(&pkg).map_err(|error| format!("{}: {error}", pkg.display()))?;
    copy_tree(&root().join("public"), &fresh)?;

    let js = place(&pkg, "js", &read(&glue.join("undertone.js"))?, release)?;
    let wasm = place(&pkg, "wasm", &read(&glue.join("undertone_bg.wasm"))?, release)?;
    let css = place(&pkg, "css", stylesheet()?.as_bytes(), release)?;
    let manifest = format!("{{\"js\":\"{js}\",\"wasm\":\"{wasm}\",\"css\":\"{css}\"}}\n");
    write(&fresh.join("manifest.json"), manifest.as_bytes())?;

    let _ = std::fs::remove_dir_all(site);
    std::fs::rename(&fresh, site).map_err(|error| format!("{}: {error}", site.display()))
}

/// All of `style/`: tokens, base and components first, the rest by name.
fn stylesheet() -> Outcome<String> {
    let folder = root().join("style");
    let first = ["tokens.css", "base.css", "components.css"];
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .map_err(|error| format!("{}: {error}", folder.display()))?
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.ends_with(".css"))
        .collect();
    names.sort_by_key(|name| {
        (first.iter().position(|known| known == name).unwrap_or(first.len()), name.clone())
    });
    let mut all = String::new();
    for name in names {
        all.push_str(&String::from_utf8_lossy(&read(&folder.join(name))?));
        all.push('\n');
    }
    Ok(all)
}

/// Writes `undertone.<hash>.<kind>` and its compressed twins; returns the name.
fn place(pkg: &Path, kind: &str, bytes: &[u8], release: bool) -> Outcome<String> {
    let hash = hex::encode(Sha256::digest(bytes));
    let name = format!("undertone.{}.{kind}", hash.get(..12).unwrap_or(&hash));
    write(&pkg.join(&name), bytes)?;
    let (quality, level) = if release { (11, 9) } else { (4, 4) };
    let mut packed = Vec::new();
    let params = brotli::enc::BrotliEncoderParams { quality, ..Default::default() };
    brotli::BrotliCompress(&mut &*bytes, &mut packed, &params).map_err(|error| format!("brotli: {error}"))?;
    write(&pkg.join(format!("{name}.br")), &packed)?;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
    let zipped =
        gzip.write_all(bytes).and_then(|()| gzip.finish()).map_err(|error| format!("gzip: {error}"))?;
    write(&pkg.join(format!("{name}.gz")), &zipped)?;
    println!(
        "   {name}: {} kB, brotli {:.1} kB",
        bytes.len() / 1000,
        f64::from(u32::try_from(packed.len()).unwrap_or(u32::MAX)) / 1000.0
    );
    Ok(name)
}

fn copy_tree(from: &Path, to: &Path) -> Outcome {
    for entry in std::fs::read_dir(from).into_iter().flatten().flatten() {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            std::fs::create_dir_all(&target).map_err(|error| format!("{}: {error}", target.display()))?;
            copy_tree(&source, &target)?;
        } else {
            std::fs::copy(&source, &target).map_err(|error| format!("{}: {error}", source.display()))?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Outcome<Vec<u8>> {
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(path: &Path, bytes: &[u8]) -> Outcome {
    std::fs::write(path, bytes).map_err(|error| format!("{}: {error}", path.display()))
}
