//! Starting an engine with a profile.

use super::{Profile, ProfileError, ProfileFailure};
use crate::engine::builder::Builder;
use crate::engine::error::StartError;
use crate::engine::registry::Places;
use crate::engine::runner::Runner;
use std::path::PathBuf;

/// With the feature `profile`.
impl Builder {
    /// Starts with the placement in this file, which `mainspring tune` has written for this machine.
    ///
    /// A runner of the profile that the program has declared by the same name gets the profile's CPUs
    /// and wait strategy, whatever the program has given it; its other options stay, so
    /// [`Pinning::Off`](crate::Pinning) still leaves it unpinned. Runners that only the profile has are
    /// started too. An object that is spawned under a name in the profile, and without
    /// [`on`](crate::Spawn::on) or a runner of its own, goes to its runner there: to one of the
    /// profile, or to any other of the engine, an [invoker](crate::EngineHandle::invoker) for instance.
    /// Everything else is as without a profile. Invokers themselves are not in it: their threads are
    /// the program's to pin.
    ///
    /// The file is read by [`start`](Self::start), which fails with
    /// [`StartError::Profile`] if it can't be used: above all when it was made for another machine. A
    /// profile given twice is the last one.
    pub fn profile(self, path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        self.plan(move |runners| {
            let profile = Profile::load(&path)?;
            Ok(profile.apply(runners).map_err(|reason| reason.of(Some(&path)))?)
        })
    }

    /// As [`profile`](Self::profile), with a profile that was read or made already.
    pub fn with_profile(self, profile: Profile) -> Self {
        self.plan(move |runners| Ok(profile.apply(runners).map_err(|reason| reason.of(None))?))
    }
}

impl From<ProfileError> for StartError {
    fn from(error: ProfileError) -> Self {
        Self::Profile(error)
    }
}

impl Profile {
    /// Changes the program's runners and adds those that it doesn't have.
    fn apply(self, runners: &mut Vec<Runner>) -> Result<Places, ProfileFailure> {
        self.check_names()?;
        self.machine.check()?;
        for planned in self.runners {
            let declared = runners.iter_mut().find(|runner| runner.name == planned.name);
            let runner = match declared {
                Some(declared) => declared,
                None => {
                    runners.push(Runner::named(planned.name));
                    runners.last_mut().expect("pushed just now")
                }
            };
            runner.wait = planned.wait;
            runner.set_cpus(planned.cpus);
        }
        Ok(self.objects.into_iter().map(|object| (object.name, object.runner)).collect())
    }
}
