#include "tests/crdt/vectors.hpp"

#include <cstdlib>
#include <fstream>

namespace starling::crdt {

std::string vectors_path(const std::string& file) {
  const auto* folder = std::getenv("STARLING_VECTORS");
  return (folder && *folder ? std::string{folder} : STARLING_SOURCE_DIR "/../shared/vectors") +
         "/" + file;
}

std::optional<std::vector<vector_line>> read_vectors(const std::string& file) {
  std::ifstream in(vectors_path(file));
  if (!in)
    return std::nullopt;
  std::vector<vector_line> lines;
  for (std::string line; std::getline(in, line);)
    lines.push_back(
        {file + ":" + std::to_string(lines.size() + 1), boost::json::parse(line).as_object()});
  return lines;
}

} // namespace starling::crdt
