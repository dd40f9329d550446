#pragma once

// What an error number of the system means to us.

#include "storage/store.hpp"

namespace starling::storage {

trouble trouble_of(int error);

/// The failure to do something, which is a phrase such as "cannot make /var/lib/x".
failure system_failure(const std::string& cannot, int error);

} // namespace starling::storage
