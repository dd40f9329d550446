#pragma once

// Parts of the documents that are made from the program, such as the table of options.
//
// Such a part stands between two comments of a Markdown file, `<!-- NAME begin -->` and
// `<!-- NAME end -->`. A test compares the part with what the program says. If the variable
// STARLING_WRITE_DOCUMENTS is set, as by `./dev docs`, the test writes the part instead.

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace starling {

/// The text of a file of the project, given by its path from the root.
inline std::string text_of_document(const std::string& document) {
  std::ostringstream text;
  text << std::ifstream{STARLING_SOURCE_DIR "/" + document}.rdbuf();
  return text.str();
}

/// Whether the part of a document is this text; writes the part if that is asked for.
inline testing::AssertionResult document_shows(const std::string& document, const std::string& part,
                                               const std::string& expected) {
  auto text = text_of_document(document);
  const auto begin_mark = "<!-- " + part + " begin -->\n";
  const auto begin = text.find(begin_mark);
  const auto end = text.find("<!-- " + part + " end -->");
  if (begin == std::string::npos || end == std::string::npos || end < begin)
    return testing::AssertionFailure() << document << " has no part " << part;

  const auto from = begin + begin_mark.size();
  if (text.substr(from, end - from) == expected)
    return testing::AssertionSuccess();
  if (std::getenv("STARLING_WRITE_DOCUMENTS") != nullptr) {
    text.replace(from, end - from, expected);
    std::ofstream{STARLING_SOURCE_DIR "/" + document} << text;
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure()
         << document << " is not up to date; run ./dev docs. Its part " << part << " should be:\n"
         << expected;
}

} // namespace starling
