#pragma once

// The test vectors: files of JSON lines in the folder that STARLING_VECTORS names, or else in
// ../shared/vectors beside the sources. They are not part of the repository.

#include <boost/json.hpp>

#include <optional>
#include <string>
#include <vector>

namespace starling::crdt {

/// One line of a file of vectors.
struct vector_line {
  std::string where; // file:line
  boost::json::object fields;

  const boost::json::value& at(std::string_view name) const { return fields.at(name); }
  std::string text(std::string_view name) const { return std::string{at(name).as_string()}; }
};

/// Where a file of vectors is to be found.
std::string vectors_path(const std::string& file);

/// The lines of a file of vectors; nothing if there is no such file.
std::optional<std::vector<vector_line>> read_vectors(const std::string& file);

} // namespace starling::crdt
