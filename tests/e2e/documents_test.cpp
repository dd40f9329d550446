// What the documents promise, tried on running nodes.

#include "tests/documents.hpp"
#include "tests/e2e/cluster.hpp"
#include "tests/e2e/curl_lines.hpp"
#include "tests/e2e/eventually.hpp"

#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <sstream>

namespace starling::e2e {
namespace {

namespace fs = std::filesystem;
using testing::AssertionFailure;
using testing::AssertionResult;
using testing::AssertionSuccess;

TEST(Documents, ExamplesOfTheApiPageAnswerAsPrinted) {
  cluster nodes{3};
  ASSERT_TRUE(nodes.start());
  const auto examples = examples_in(indented_lines("docs/api.md"));
  EXPECT_GT(examples.size(), 25U);

  for (const auto& [line, answer] : examples) {
    if (answer)
      EXPECT_TRUE(answers(nodes, line, *answer));
    else
      EXPECT_EQ(answer_to(nodes, line).find("urn:starling:problem"), std::string::npos) << line;
  }
}

// -- links --

/// What a title is called in a link, as GitHub does it.
std::string anchor_of(const std::string& title) {
  std::string result;
  for (const unsigned char c : title)
    if (std::isalnum(c) != 0 || c == '-' || c == '_')
      result.push_back(static_cast<char>(std::tolower(c)));
    else if (c == ' ')
      result.push_back('-');
  return result;
}

bool has_title(const std::string& document, const std::string& anchor) {
  std::istringstream text{document};
  for (std::string line; std::getline(text, line);)
    if (line.starts_with("#") &&
        anchor_of(line.substr(std::min(line.find(' ') + 1, line.size()))) == anchor)
      return true;
  return false;
}

TEST(Documents, LeadToWhatIsThere) {
  const fs::path root{STARLING_SOURCE_DIR};
  std::vector<std::string> documents{"README.md", "CHANGELOG.md", "CONTRIBUTING.md",
                                     "bench/README.md"};
  for (const auto& entry : fs::directory_iterator{root / "docs"})
    documents.push_back("docs/" + entry.path().filename().string());
  static const std::regex link{R"(\]\(([^)#:]*)#?([^):]*)\))"};
  static const std::regex source{R"(`([a-z_0-9/]+/[a-z_0-9]+\.[hc]pp)`)"};
  for (const auto& document : documents) {
    const auto text = text_of_document(document);
    for (std::sregex_iterator i{text.begin(), text.end(), source}, end; i != end; ++i)
      EXPECT_TRUE(fs::exists(root / (*i)[1].str())) << document << " names " << (*i)[1];
    for (std::sregex_iterator i{text.begin(), text.end(), link}, end; i != end; ++i) {
      const auto name = (*i)[1].str();
      const auto target =
          name.empty() ? fs::path{document} : fs::path{document}.parent_path() / name;
      EXPECT_TRUE(fs::exists(root / target)) << document << " links to " << name;
      const auto anchor = (*i)[2].str();
      EXPECT_TRUE(anchor.empty() || has_title(text_of_document(target.string()), anchor))
          << document << " links to " << i->str();
    }
  }
}

// -- metrics --

/// What Prometheus' text format says of the metrics of a page.
struct metric {
  std::string type;
  std::string help;
  std::set<std::string> labels;
};

using metrics = std::map<std::string, metric>;

void add_page(metrics& all, const std::string& page) {
  static const std::regex sample{R"re(([a-z_]+)(?:\{(.*)\})? \S+)re"};
  static const std::regex label{R"re(([a-z_]+)="(?:[^"\\]|\\.)*")re"};
  std::istringstream lines{page};
  std::string family;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words{line};
    std::string mark, what;
    std::smatch found;
    if (line.starts_with("# ")) {
      words >> mark >> what >> family >> std::ws;
      auto& one = all[family];
      std::getline(words, what == "HELP" ? one.help : one.type);
    } else if (std::regex_match(line, found, sample)) {
      const auto text = found[2].str();
      for (std::sregex_iterator i{text.begin(), text.end(), label}, end; i != end; ++i)
        if ((*i)[1] != "le") // of each histogram
          all[family].labels.insert((*i)[1]);
    }
  }
}

std::string markdown_of(const metrics& all) {
  std::string result = "| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n";
  for (const auto& [name, one] : all) {
    std::string labels;
    for (const auto& label : one.labels)
      labels += (labels.empty() ? "`" : ", `") + label + "`";
    result += "| `" + name + "` | " + one.type + " | " + labels + " | " + one.help + " |\n";
  }
  return result;
}

/// A folder for the data of nodes, for as long as the object lives.
class data_folder {
public:
  data_folder() : path_(testing::TempDir() + "starling_documents_" + std::to_string(getpid())) {
    fs::remove_all(path_);
    fs::create_directory(path_);
  }

  data_folder(const data_folder&) = delete;
  data_folder& operator=(const data_folder&) = delete;
  ~data_folder() { fs::remove_all(path_); }

  const std::string& path() const { return path_; }

private:
  std::string path_;
};

TEST(Documents, NameEveryMetricAndNoOther) {
  const data_folder data;
  cluster nodes{2};
  nodes.keep_data_below(data.path());
  ASSERT_TRUE(nodes.start());
  const auto& one = nodes[0].http();
  // Some metrics are there only after something has happened.
  EXPECT_EQ(one.post("/counters/a", R"({"increment": 1})").status, 200);
  raw_exchange(one.port(), "what is this\r\n\r\n");
  EXPECT_TRUE(eventually([&]() -> AssertionResult {
    return one.get("/metrics").body.find("starling_http_refusals_total{") != std::string::npos
               ? AssertionSuccess()
               : AssertionFailure() << "the malformed request is not counted";
  }));

  metrics all;
  add_page(all, one.get("/metrics").body);
  EXPECT_TRUE(document_shows("docs/operations.md", "metrics", markdown_of(all)));

  const auto document = text_of_document("docs/operations.md");
  static const std::regex name{R"(`((?:starling|process|caf)_[a-z_]+)`)"};
  for (std::sregex_iterator i{document.begin(), document.end(), name}, end; i != end; ++i)
    EXPECT_TRUE(all.contains((*i)[1])) << (*i)[1] << " is no metric";
}

// -- the nodes that the README starts by hand --

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in{line};
  return {std::istream_iterator<std::string>{in}, {}};
}

TEST(Documents, NodesThatTheReadmeStartsByHandFindEachOther) {
  const auto lines = indented_lines("README.md", "Three nodes by hand");
  ASSERT_EQ(lines.size(), 3U);
  const data_folder data;
  const reserved_port clients[3];
  const reserved_port peers[3];
  std::vector<std::unique_ptr<process>> nodes;
  for (auto line : lines) {
    line = replaced(line, "build/release/starlingd", STARLINGD_PATH);
    line = replaced(line, "/tmp/", data.path() + "/");
    for (std::size_t i = 0; i < 3; ++i) {
      line = replaced(line, "127.0.0.1:" + std::to_string(8080 + i), clients[i].address());
      line = replaced(line, "127.0.0.1:" + std::to_string(9080 + i), peers[i].address());
    }
    nodes.push_back(std::make_unique<process>(words_of(line)));
  }

  for (const auto& port : clients)
    EXPECT_TRUE(eventually([&]() -> AssertionResult {
      const auto seen = client{port.number()}.get("/cluster").body;
      static const std::regex alive{R"("state": "alive")"};
      const auto count = std::distance(std::sregex_iterator{seen.begin(), seen.end(), alive}, {});
      return count == 3 ? AssertionSuccess() : AssertionFailure() << "it sees " << seen;
    }));
}

} // namespace
} // namespace starling::e2e
