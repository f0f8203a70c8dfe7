//! What one more idle actor costs in memory.

use super::framework::{Framework, Setting, World};
use crate::memory;
use crate::work::Figure;
use mainspring_perf::error::Error;
use tokio::task::yield_now;

/// How many actors share the cost.
const CROWD: usize = 100_000;
/// How often everybody gets a turn to come to rest.
const TURNS: usize = 100;

/// Resident bytes of one more actor that was never asked, with what asks it.
pub fn never_used<F: Framework>(setting: &Setting<'_>) -> Result<Figure, Error> {
    crowd::<F>(setting, false, || {
        // What others left behind would be used again, and not seen.
        memory::trim();
        memory::resident()
    })
}

/// Heap bytes of one more actor that was asked once, with what asks it.
pub fn used_once<F: Framework>(setting: &Setting<'_>) -> Result<Figure, Error> {
    crowd::<F>(setting, true, memory::heap)
}

fn crowd<F: Framework>(
    setting: &Setting<'_>,
    is_used: bool,
    used: fn() -> Result<u64, Error>,
) -> Result<Figure, Error> {
    let world = F::World::open(setting)?;
    let place = F::place(&world, 0);
    let grown = world.run(async move {
        // The first use of everything is paid for now.
        let first = raise::<F>(&place, 1, true).await?;
        let before = used()?;
        let crowd = raise::<F>(&place, CROWD, is_used).await?;
        let grown = used()?.saturating_sub(before);
        drop((first, crowd));
        Ok(grown)
    })?;
    Ok(Figure::Bytes(grown as f64 / CROWD as f64))
}

/// Starts so many actors, asks each once if it is to be used, and lets all come to rest.
async fn raise<F: Framework>(
    place: &F::Place,
    count: usize,
    is_used: bool,
) -> Result<Vec<F::Adder>, Error> {
    let mut adders = Vec::with_capacity(count);
    for _ in 0..count {
        let adder = F::spawn_adder(place).await?;
        if is_used {
            Error::check("the sum", F::ask(&adder, 1).await?, 1)?;
        }
        adders.push(adder);
        yield_now().await;
    }
    for _ in 0..TURNS {
        yield_now().await;
    }
    Ok(adders)
}
