//! Programs of the benchmarks: wrappers that undo what the program under test did, and references beside it. An object of its
//! own, never loaded in production.
//!
//! `BPF_PROG_TEST_RUN` does not restore the packet between repetitions: a program that encapsulates would see its own
//! output. So a repetition begins in a wrapper, which makes the packet what it was, as the next flow sends it, and then calls
//! the program under test. What the wrapper costs is measured by letting it call a reference that only returns.
#![cfg_attr(target_arch = "bpf", no_std, no_main, feature(asm_experimental_arch))]

#[cfg(target_arch = "bpf")]
mod frame;
#[cfg(target_arch = "bpf")]
mod wrappers;

#[cfg(not(target_arch = "bpf"))]
fn main() {}

#[cfg(target_arch = "bpf")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // Never reached: the verifier would refuse it.
    loop {}
}

#[cfg(target_arch = "bpf")]
#[unsafe(no_mangle)]
#[unsafe(link_section = "license")]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
