#include "storage/life.hpp"

namespace starling::storage {

bool is_same_life(const life& kept, const life& found) {
  return kept.word == found.word && is_same_file(kept.file, found.file);
}

} // namespace starling::storage
