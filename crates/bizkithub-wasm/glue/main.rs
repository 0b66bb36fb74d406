//! Writes the JavaScript and the types of the compiled WebAssembly module: `bizkithub-wasm-glue MODULE.wasm FOLDER`.

fn main() -> Result<(), String> {
    let [_, module, folder] = &std::env::args().collect::<Vec<_>>()[..] else {
        return Err("usage: bizkithub-wasm-glue MODULE.wasm FOLDER".to_owned());
    };
    glue(module, folder)
}

#[cfg(not(target_family = "wasm"))]
fn glue(module: &str, folder: &str) -> Result<(), String> {
    let mut bindgen = wasm_bindgen_cli_support::Bindgen::new();
    let made = bindgen
        .input_path(module)
        .typescript(true)
        .web(true)
        .and_then(|bindgen| bindgen.omit_default_module_path(true).generate(folder));
    made.map_err(|error| format!("{error:#}"))
}

#[cfg(target_family = "wasm")]
fn glue(_: &str, _: &str) -> Result<(), String> {
    Err("this runs on the machine that builds the module".to_owned())
}
