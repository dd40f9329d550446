#pragma once

// A file `damaged` with a sentence about what is wrong, which outlives a process that ends before
// it could do something about that. Among the rows it says why what was committed last may be
// missing: their log is damaged, or they are a backup. Beside them it says why they are to be
// rebuilt (rebuild.hpp).

#include <optional>
#include <rocksdb/env.h>
#include <string>

namespace starling::storage {

/// Makes the names in a folder survive a power failure.
rocksdb::Status sync_folder(rocksdb::Env& env, const std::string& folder);

class damage_note {
public:
  damage_note(rocksdb::Env& env, std::string folder);

  /// The sentence, or the beginning of a long one, if there is a note.
  std::optional<std::string> read() const;

  /// Survives a power failure once this returns.
  rocksdb::Status write(const std::string& sentence) const;

  /// May not survive one.
  void erase() const;

private:
  rocksdb::Env* env_;
  std::string folder_;
  std::string file_;
};

} // namespace starling::storage
