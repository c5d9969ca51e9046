//! Available main memory.

/// Bytes of main memory that can be allocated now without swapping, if the system reports it.
pub fn available_bytes() -> Option<u64> {
    #[cfg(target_os = "linux")]
    return std::fs::read_to_string("/proc/meminfo").ok().as_deref().and_then(available_in);
    #[cfg(not(target_os = "linux"))]
    return None;
}

/// The entry `MemAvailable` of Linux's `/proc/meminfo`, in bytes.
#[cfg(target_os = "linux")]
fn available_in(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib << 10)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn available_memory_is_read_in_bytes() {
        assert_eq!(available_in("MemTotal: 9 kB\nMemAvailable:    2048 kB\n"), Some(2 << 20));
        assert_eq!(available_in("MemTotal: 9 kB\n"), None);
        assert!(available_bytes().is_some_and(|bytes| bytes > 1 << 20));
    }
}
