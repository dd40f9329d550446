#pragma once

// A life of a node: from a start on a data folder until the next. Each one has a word, drawn at
// random, in a file of its own (storage/disk/life_file.hpp).

#include "storage/file_stamp.hpp"

#include <string>

namespace starling::storage {

struct life {
  std::string word; // 32 hexadecimal digits
  file_stamp file;
  friend bool operator==(const life&, const life&) = default;
};

/// Whether what the rows remember of a life is what the folder has of it.
bool is_same_life(const life& kept, const life& found);

} // namespace starling::storage
