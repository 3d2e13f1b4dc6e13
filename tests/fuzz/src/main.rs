//! See the library and `scripts/fuzz.sh`.

use tributary_fuzz_driver::Meter;

#[global_allocator]
static METER: Meter = Meter;

fn main() -> std::process::ExitCode {
	tributary_fuzz_driver::main(&tributary_fuzz::targets())
}
