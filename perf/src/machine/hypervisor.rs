//! Whether the machine is a virtual one, and whose.

use crate::machine::root::Root;

/// What firmware tells of hypervisors: a part of its vendor or product, and the name.
const FIRMWARE: &[(&str, &str)] = &[
    ("QEMU", "KVM or QEMU"),
    ("KVM", "KVM"),
    ("OpenStack", "KVM"),
    ("Amazon EC2", "Amazon EC2"),
    ("Google", "Google Compute Engine"),
    ("VMware", "VMware"),
    ("innotek", "VirtualBox"),
    ("VirtualBox", "VirtualBox"),
    ("Xen", "Xen"),
    ("Microsoft Corporation", "Hyper-V"),
    ("Parallels", "Parallels"),
    ("BHYVE", "bhyve"),
    ("Bochs", "Bochs"),
];

/// The hypervisor's name; `unknown` if there is one without; `None` on bare metal, or if nothing
/// says that there is one.
pub fn name(root: &Root, cpuinfo: &str) -> Option<String> {
    let flags = cpuinfo.lines().find_map(|line| line.strip_prefix("flags"));
    let is_flagged = flags.map(|flags| flags.split_whitespace().any(|flag| flag == "hypervisor"));
    // Firmware of a machine that is rented as a whole has its lender's name, too; where processors
    // have no such flag, a name of its own may say so.
    let product = root.find("sys/class/dmi/id/product_name").unwrap_or_default();
    let is_metal = is_flagged == Some(false) || product.ends_with(".metal");
    if is_metal && root.find("sys/hypervisor/type").is_none() {
        return None;
    }
    let is_flagged = is_flagged == Some(true);
    let named = by_cpuid(root).or_else(|| root.find("sys/hypervisor/type"));
    let named = named.or_else(|| by_firmware(root)).or_else(|| by_device_tree(root));
    named.or_else(|| is_flagged.then(|| "unknown".into()))
}

/// Asks the processor, which the hypervisor answers for. Only it itself can be asked.
#[cfg(target_arch = "x86_64")]
fn by_cpuid(root: &Root) -> Option<String> {
    use raw_cpuid::{CpuId, Hypervisor};
    if !root.is_here() {
        return None;
    }
    Some(match CpuId::new().get_hypervisor_info()?.identify() {
        Hypervisor::Unknown(b, c, d) => {
            let letters = [b, c, d].into_iter().flat_map(u32::to_le_bytes);
            let letters: Vec<_> = letters.filter(u8::is_ascii_graphic).collect();
            return String::from_utf8(letters).ok().filter(|name| !name.is_empty());
        }
        Hypervisor::HyperV => "Hyper-V".into(),
        known => format!("{known:?}"),
    })
}

#[cfg(not(target_arch = "x86_64"))]
fn by_cpuid(_root: &Root) -> Option<String> {
    None
}

fn by_firmware(root: &Root) -> Option<String> {
    let files = ["sys_vendor", "product_name", "bios_vendor", "board_vendor"];
    let texts = files.iter().filter_map(|file| root.find(&format!("sys/class/dmi/id/{file}")));
    let name = |text: String| FIRMWARE.iter().find(|(part, _)| text.contains(part));
    texts.filter_map(name).map(|(_, name)| (*name).into()).next()
}

/// As in `linux,kvm`.
fn by_device_tree(root: &Root) -> Option<String> {
    let text = root.find("proc/device-tree/hypervisor/compatible")?;
    let first = text.split('\0').next().unwrap_or_default();
    Some(first.trim_start_matches("linux,").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machines::Machine;

    fn named(cpuinfo: &str, files: &[(&str, &str)]) -> Option<String> {
        let machine = Machine::empty().set(files);
        name(&Root::new(Some(machine.root())), cpuinfo)
    }

    #[test]
    fn a_hypervisor_is_named_by_whatever_knows_it() {
        let (guest, metal) = ("flags : fpu hypervisor", "flags : fpu");
        let qemu = ("sys/class/dmi/id/sys_vendor", "QEMU\n");
        assert_eq!(named(guest, &[qemu]).unwrap(), "KVM or QEMU");
        assert_eq!(named(guest, &[]).unwrap(), "unknown");
        assert_eq!(named(metal, &[]), None);
        assert_eq!(named("", &[]), None, "a processor without flags");
        let xen = ("sys/hypervisor/type", "xen\n");
        assert_eq!(named(metal, &[xen]).unwrap(), "xen");
        let tree = ("proc/device-tree/hypervisor/compatible", "linux,kvm\0");
        assert_eq!(named("", &[tree]).unwrap(), "kvm");
    }

    #[test]
    fn a_rented_machine_without_hypervisor_is_bare_metal() {
        let amazon = ("sys/class/dmi/id/sys_vendor", "Amazon EC2\n");
        assert_eq!(named("flags : fpu", &[amazon]), None);
        assert_eq!(named("flags : fpu hypervisor", &[amazon]).unwrap(), "Amazon EC2");
        let arm = ("sys/class/dmi/id/product_name", "c7g.metal\n");
        assert_eq!(named("Features : fp", &[amazon, arm]), None);
        assert_eq!(named("Features : fp", &[amazon]).unwrap(), "Amazon EC2");
    }
}
