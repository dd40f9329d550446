#pragma once

// What a status of RocksDB means to us. It keeps the system's error number only in its text, so
// that is where a full quota and a disk without writes are told apart.

#include "storage/store.hpp"

#include <rocksdb/status.h>

namespace starling::storage {

/// The failure to do something, which is a phrase such as "cannot commit to /var/lib/x". Requires:
/// the status is not ok.
failure to_failure(const std::string& cannot, const rocksdb::Status& status);

} // namespace starling::storage
