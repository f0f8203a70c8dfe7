//! What a caller holds: it turns calls into requests.

pub(crate) mod deliver;
#[allow(unsafe_code)] // that it may be sent
pub(crate) mod handle;
pub(crate) mod options;
pub(crate) mod proxy;
pub(crate) mod topic;
#[allow(unsafe_code)] // as of proxies
pub(crate) mod weak;
