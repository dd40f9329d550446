#include "tests/e2e/curl_lines.hpp"

#include "tests/documents.hpp"
#include "tests/e2e/eventually.hpp"

#include <regex>
#include <sstream>

namespace starling::e2e {

namespace {

using testing::AssertionFailure;
using testing::AssertionResult;
using testing::AssertionSuccess;

constexpr std::size_t first_port = 8080;
const std::string host = "localhost:";

/// The number of the node that the line calls; nothing if that is none of them.
std::optional<std::size_t> node_of(cluster& nodes, const std::string& line) {
  for (std::size_t i = 0; i < nodes.size(); ++i)
    if (line.find(host + std::to_string(first_port + i)) != std::string::npos)
      return i;
  return std::nullopt;
}

std::string with_port(const std::string& line, std::size_t node, std::uint16_t port) {
  const auto printed = host + std::to_string(first_port + node);
  auto result = line;
  return result.replace(result.find(printed), printed.size(), host + std::to_string(port));
}

/// Puts contexts into the places of those that are left out: `"apple": "<base64>"`.
std::string with_contexts(const node& one, std::string line) {
  static const std::regex left_out{R"re("([^"]*)": "<base64>")re"};
  static const std::regex path{R"re(localhost:\d+(/sets/[^ /?']*))re"};
  std::smatch target;
  if (!std::regex_search(line, target, path))
    return line;
  const auto set = target[1].str();
  for (std::smatch found; std::regex_search(line, found, left_out);) {
    const auto element = found[1].str();
    const auto context = one.http().context(set, element);
    line.replace(static_cast<std::size_t>(found.position(0)),
                 static_cast<std::size_t>(found.length(0)),
                 "\"" + element + "\": \"" + context + "\"");
  }
  return line;
}

bool is_write(const std::string& line) {
  return line.find(" -X POST ") != std::string::npos || line.find(" -X PUT ") != std::string::npos;
}

} // namespace

std::vector<std::string> indented_lines(const std::string& document,
                                        const std::optional<std::string>& chapter) {
  std::istringstream text{text_of_document(document)};
  std::vector<std::string> result;
  bool is_inside = !chapter;
  for (std::string line; std::getline(text, line);) {
    if (chapter && line.starts_with("## "))
      is_inside = line == "## " + *chapter;
    else if (is_inside && line.starts_with("    "))
      result.push_back(line.substr(4));
  }
  return result;
}

std::vector<example> examples_in(const std::vector<std::string>& lines) {
  const std::string arrow = "  -> ";
  std::vector<example> result;
  for (const auto& line : lines)
    if (line.starts_with("curl "))
      result.push_back({line, std::nullopt});
    else if (line.starts_with(arrow) && !result.empty())
      result.back().answer = line.substr(arrow.size());
  return result;
}

std::string answer_to(cluster& nodes, const std::string& line) {
  const auto number = node_of(nodes, line);
  if (!number)
    return "this line calls no node: " + line;
  auto& one = nodes[*number];
  const auto quiet = "curl -sS --max-time 10 " + line.substr(std::string{"curl "}.size());
  const auto whole = with_port(with_contexts(one, quiet), *number, one.http_port().number());
  auto answer = run_in_shell(whole).output;
  if (answer.ends_with('\n'))
    answer.pop_back();
  static const std::regex context{R"re((": )"[A-Za-z0-9+/=]{24,}")re"};
  return std::regex_replace(answer, context, "$1\"<base64>\"");
}

AssertionResult answers(cluster& nodes, const std::string& line, const std::string& expected) {
  const auto probe = [&]() -> AssertionResult {
    const auto answer = answer_to(nodes, line);
    if (answer == expected)
      return AssertionSuccess();
    return AssertionFailure() << line << "\nanswers " << answer << "\nand not " << expected;
  };
  return is_write(line) ? probe() : eventually(probe);
}

} // namespace starling::e2e
