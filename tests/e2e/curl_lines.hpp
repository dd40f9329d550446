#pragma once

// The examples of a document: indented lines that call curl, each with the answer that is printed
// below it.
//
//     curl localhost:8081/counters/visitors
//       -> {"value": 5}
//
// The printed ports 8080, 8081 and 8082 stand for the nodes of a cluster, and `<base64>` stands for
// a context.

#include "tests/e2e/cluster.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace starling::e2e {

/// The lines of a document that are indented by four spaces, without the indent. If a chapter is
/// given, only the lines below that title of the second level.
std::vector<std::string> indented_lines(const std::string& document,
                                        const std::optional<std::string>& chapter = std::nullopt);

struct example {
  std::string line;
  std::optional<std::string> answer; // as it is printed
};

/// The examples among some lines.
std::vector<example> examples_in(const std::vector<std::string>& lines);

/// Runs the line against a cluster. Returns the answer without its last line feed, with `<base64>`
/// in the place of each context. A context that the line gives for an element is read from the same
/// node first.
std::string answer_to(cluster& nodes, const std::string& line);

/// Whether the line comes to have this answer. Writes are sent once.
testing::AssertionResult answers(cluster& nodes, const std::string& line,
                                 const std::string& expected);

} // namespace starling::e2e
