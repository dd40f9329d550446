#pragma once

#include "crdt/or_set.hpp"

#include <string>

namespace starling::storage {

/// What is kept of a member of a set.
inline std::string bytes_of_row(const crdt::or_set::row& row) {
  wire::writer out;
  crdt::or_set::encode_row(out, row);
  return std::move(out).take();
}

} // namespace starling::storage
