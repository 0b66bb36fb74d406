//! Tells the linker how to make a library that Node can load.

fn main() {
    napi_build::setup();
}
