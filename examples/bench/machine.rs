//! What the machine can do, measured with the plainest possible loops: the limits for everything else.
//!
//! A limit is the best that was seen. While other programs use the machine, it can do less, and a mean or a median would
//! say how busy it was.
//!
//! Two numbers say nearly everything. How fast can numbers be read from memory? How many multiply-adds can the cores do
//! in a second? A program needs at least the time of the slower of the two. A graph of speed against multiply-adds per
//! byte shows the two limits as a roof, hence the name (Williams, Waterman and Patterson, "Roofline", 2009).

use gpt60::kernels::cpu::{self, Kernel, Level, multiply_add};
use gpt60::kernels::peak::{self, Short};
use gpt60::kernels::threads;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// The instructions in use.
pub fn instructions() -> String {
    let level = match cpu::level() {
        Level::Avx512 => "AVX-512, 16 numbers at once",
        Level::Avx2 => "AVX2 and FMA, 8 numbers at once",
        _ => "the oldest of this kind of processor, 4 numbers at once",
    };
    let short = match [Short::Bf16, Short::Int8].map(peak::has_instruction) {
        [true, _] => "; also for pairs of bf16 and for bytes",
        [false, true] => "; also for bytes",
        [false, false] => "",
    };
    format!("{level}{short}")
}

/// How many bytes of memory are free for a new program, if the system says so (Linux does).
pub fn free_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let kilobytes = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?.split_whitespace().next()?;
    Some(kilobytes.parse::<u64>().ok()? * 1024)
}

// ---------------------------------------------------------------------------------------------------------------------
// Memory
// ---------------------------------------------------------------------------------------------------------------------

/// How many bytes are read, if there is room for them. The last cache of a large server holds hundreds of megabytes.
/// The data must be several times larger, or the test measures the cache instead of the memory.
const LARGE: u64 = 2 << 30;
/// The data is read in so many windows, and the clock runs for each by itself. On a busy machine, a short window is more
/// likely to be left alone than a long one; and until a window's turn comes again, all others have passed through the
/// caches.
const N_WINDOWS: usize = 16;
/// In a run, every window is read so many times, by each of the [`LOOPS`] in turn.
const N_ROUNDS: usize = LOOPS.len();

/// A loop that reads a piece of memory.
type Loop = fn(&[f32]);

/// Ways to read: in so many places at once. A processor fetches ahead in each place, which keeps the memory busier; but too
/// many places, and it loses track of them. How many are best differs between processors, and from moment to moment.
///
/// Tried and not better: pieces of 256 kB to 16 MB; 16 or 64 numbers of a place before the next one's turn; touching a number of
/// each cache line some kilobytes ahead. Worse: places that are only a row of a weight apart.
const LOOPS: [Loop; 5] = [read_in::<1>, read_in::<2>, read_in::<4>, read_in::<8>, read_in::<16>];

/// A long list of numbers to read from memory.
pub struct Memory {
    data: Vec<f32>,
}

impl Memory {
    /// At most a third of the free memory: other programs need some too.
    pub fn new() -> Memory {
        let n_bytes = free_memory().map_or(LARGE, |free| LARGE.min(free / 3));
        // Ones, not zeros: zeros that were never written are not in memory at all.
        Memory { data: vec![1.0; usize::try_from(n_bytes).unwrap_or(0) / size_of::<f32>()] }
    }

    /// How many bytes it holds.
    pub fn bytes(&self) -> u64 {
        size_of_val(&self.data[..]) as u64
    }

    /// Reads everything several times, a piece on each thread, and returns the speed of the fastest window in GB/s.
    pub fn read(&self) -> f64 {
        let windows = self.data.chunks(self.data.len().div_ceil(N_WINDOWS).max(1));
        // The loops and the windows have different turns, so each loop comes to every window.
        let turns = (0..N_ROUNDS).flat_map(|_| windows.clone()).zip(LOOPS.iter().cycle());
        turns.map(|(window, read)| speed(window, *read)).fold(0.0, f64::max)
    }
}

/// Reads a window, a piece on each thread, and returns the speed in GB/s.
fn speed(window: &[f32], read: Loop) -> f64 {
    let pieces: Vec<&[f32]> = window.chunks(window.len().div_ceil(threads::count()).max(1)).collect();
    let start = Instant::now();
    threads::each(pieces, read);
    size_of_val(window) as f64 / start.elapsed().as_secs_f64() / 1e9
}

fn read_in<const PLACES: usize>(piece: &[f32]) {
    black_box(cpu::run(Sum::<PLACES>(piece)));
}

/// A sum. Addition is so cheap that the time is the time of reading.
struct Sum<'a, const PLACES: usize>(&'a [f32]);

impl<const PLACES: usize> Kernel for Sum<'_, PLACES> {
    type Output = f32;

    #[inline(always)]
    fn run<const FMA: bool, const LANES: usize, const ROWS: usize>(self) -> f32 {
        const SUMS: usize = 32; // side by side: no addition waits long for the one before
        let runs = self.0.as_chunks::<SUMS>().0;
        let n = runs.len() / PLACES;
        let places: [&[[f32; SUMS]]; PLACES] = std::array::from_fn(|i| &runs[i * n..(i + 1) * n]);
        let mut sums = [0.0f32; SUMS];
        for at in 0..n {
            for place in &places {
                for i in 0..SUMS {
                    sums[i] += place[at][i];
                }
            }
        }
        sums.iter().sum()
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Multiply-adds
// ---------------------------------------------------------------------------------------------------------------------

/// How many operations a thread does while the clock runs; a multiply-add counts as two.
const OPERATIONS: u64 = 2_000_000_000;
/// How many times in a run.
const N_TRIES: usize = 12;

/// Multiplies and adds in registers only, on every thread, and returns the speed of the fastest try in 10^9 operations a
/// second: for `f32`, or for short numbers, where it is 0 if there is no instruction for them.
pub fn multiply_adds(short: Option<Short>) -> f64 {
    (0..N_TRIES).map(|_| try_multiply_adds(short)).fold(0.0, f64::max)
}

fn try_multiply_adds(short: Option<Short>) -> f64 {
    let n_done = AtomicU64::new(0);
    let start = Instant::now();
    threads::each(vec![(); threads::count()], |()| {
        let n = match short {
            None => cpu::run(MultiplyAdds { factor: black_box(0.999), summand: black_box(0.001) }),
            Some(kind) => peak::multiply_adds(kind, OPERATIONS),
        };
        n_done.fetch_add(n, Ordering::Relaxed);
    });
    n_done.into_inner() as f64 / start.elapsed().as_secs_f64() / 1e9
}

/// `x = x * factor + summand`, for many `x` side by side. Each waits some four cycles for its own last result;
/// meanwhile the others take their turn.
struct MultiplyAdds {
    factor: f32,
    summand: f32,
}

impl Kernel for MultiplyAdds {
    /// How many operations were done.
    type Output = u64;

    /// The numbers must stay in registers, so every index is written out, as in the matrix product's tile. Where that
    /// tile has 8 rows or more, there are 32 registers, and this uses 16 of them; elsewhere there are 16, and this uses
    /// 12.
    #[inline(always)]
    fn run<const FMA: bool, const LANES: usize, const ROWS: usize>(self) -> u64 {
        let (a, b) = ([self.factor; LANES], [self.summand; LANES]);
        let n_vectors = if ROWS >= 8 { 16 } else { 12 };
        let per_step = 2 * (LANES * n_vectors) as u64;
        let n_steps = OPERATIONS / per_step;
        let mut x = [[0.0f32; LANES]; 16];
        for _ in 0..n_steps {
            step::<FMA, LANES>(&mut x[0], &a, &b);
            step::<FMA, LANES>(&mut x[1], &a, &b);
            step::<FMA, LANES>(&mut x[2], &a, &b);
            step::<FMA, LANES>(&mut x[3], &a, &b);
            step::<FMA, LANES>(&mut x[4], &a, &b);
            step::<FMA, LANES>(&mut x[5], &a, &b);
            step::<FMA, LANES>(&mut x[6], &a, &b);
            step::<FMA, LANES>(&mut x[7], &a, &b);
            step::<FMA, LANES>(&mut x[8], &a, &b);
            step::<FMA, LANES>(&mut x[9], &a, &b);
            step::<FMA, LANES>(&mut x[10], &a, &b);
            step::<FMA, LANES>(&mut x[11], &a, &b);
            if ROWS >= 8 {
                step::<FMA, LANES>(&mut x[12], &a, &b);
                step::<FMA, LANES>(&mut x[13], &a, &b);
                step::<FMA, LANES>(&mut x[14], &a, &b);
                step::<FMA, LANES>(&mut x[15], &a, &b);
            }
        }
        black_box(x);
        n_steps * per_step
    }
}

#[inline(always)]
fn step<const FMA: bool, const LANES: usize>(x: &mut [f32; LANES], a: &[f32; LANES], b: &[f32; LANES]) {
    for i in 0..LANES {
        x[i] = multiply_add::<FMA>(x[i], a[i], b[i]);
    }
}
