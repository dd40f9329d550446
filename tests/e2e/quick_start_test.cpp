// The README's quick start, as printed there, and what a reader would try next.

#include "tests/e2e/cluster.hpp"
#include "tests/e2e/eventually.hpp"

#include <fstream>
#include <regex>
#include <thread>

namespace starling::e2e {
namespace {

using testing::AssertionFailure;
using testing::AssertionResult;
using testing::AssertionSuccess;

/// The indented lines of a chapter of the README, without the indent.
std::vector<std::string> indented_lines(const std::string& chapter) {
  std::ifstream readme{STARLING_SOURCE_DIR "/README.md"};
  std::vector<std::string> result;
  bool is_inside = false;
  for (std::string line; std::getline(readme, line);) {
    if (line.starts_with("## "))
      is_inside = line == "## " + chapter;
    else if (is_inside && line.starts_with("    "))
      result.push_back(line.substr(4));
  }
  return result;
}

/// The lines that call curl, and right after one the answer that is printed for it.
std::vector<std::string> curl_lines() {
  std::vector<std::string> result;
  for (const auto& line : indented_lines("Quick start"))
    if (line.starts_with("curl ") || line.starts_with("  -> "))
      result.push_back(line);
  return result;
}

/// Puts a cluster's ports in place of the printed ones.
std::string with_ports_of(cluster& nodes, std::string line) {
  const std::string host = "localhost:";
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const auto printed = host + std::to_string(8080 + i);
    if (const auto at = line.find(printed); at != std::string::npos)
      return line.replace(at, printed.size(), host + std::to_string(nodes[i].http_port().number()));
  }
  return line;
}

std::string replaced(const std::string& text, const std::string& what, const std::string& by) {
  return std::regex_replace(text, std::regex{what}, by);
}

/// What curl prints, with contexts that differ each time left out as in the README.
std::string answer_to(cluster& nodes, const std::string& line) {
  const auto quiet = replaced(with_ports_of(nodes, line), "^curl ", "curl -sS --max-time 10 ");
  const auto answer = run_in_shell(quiet).output;
  return replaced(answer, R"re((": )"[A-Za-z0-9+/=]{24,}")re", "$1\"<base64>\"");
}

AssertionResult comes_to_answer(cluster& nodes, const std::string& line, const std::string& value) {
  return eventually([&]() -> AssertionResult {
    const auto answer = answer_to(nodes, line);
    if (answer == value + "\n")
      return AssertionSuccess();
    return AssertionFailure() << line << "\nanswers " << answer << "and not " << value;
  });
}

TEST(QuickStart, DoesWhatTheReadmeSays) {
  cluster nodes{3};
  ASSERT_TRUE(nodes.start());
  const auto lines = curl_lines();
  ASSERT_EQ(lines.size(), 9U) << "the README's quick start has changed: change this test too";
  EXPECT_EQ(lines[0], R"(curl -X POST localhost:8080/counters/visitors -d '{"increment": 5}')");

  EXPECT_EQ(answer_to(nodes, lines[0]), "{\"value\": 5}\n");
  EXPECT_TRUE(comes_to_answer(nodes, lines[1], R"({"value": 5})"));
  EXPECT_EQ(answer_to(nodes, lines[2]), "{\"value\": 3}\n");
  EXPECT_TRUE(comes_to_answer(nodes, lines[1], R"({"value": 3})"));
  EXPECT_EQ(answer_to(nodes, lines[3]), "{\"value\": \"dark-mode\"}\n");
  EXPECT_TRUE(comes_to_answer(nodes, lines[4], R"({"value": "dark-mode"})"));
  EXPECT_EQ(answer_to(nodes, lines[5]),
            "{\"cardinality\": 2, "
            "\"contexts\": {\"apple\": \"<base64>\", \"banana\": \"<base64>\"}}\n");
  EXPECT_TRUE(comes_to_answer(nodes, lines[6], lines[7].substr(5)));

  // The remove, with a context as node 1 reads it.
  const auto context = nodes[1].http().context("/sets/fruits", "apple");
  ASSERT_NE(lines[8].find("<base64>"), std::string::npos);
  EXPECT_EQ(answer_to(nodes, replaced(lines[8], "<base64>", context)),
            "{\"cardinality\": 1, \"contexts\": {\"apple\": \"<base64>\"}}\n");
  EXPECT_TRUE(nodes.all_come_to_show("/sets/fruits", R"(["banana"])"));
  EXPECT_TRUE(nodes.all_come_to_show("/counters/visitors", "3"));
  EXPECT_TRUE(nodes.all_come_to_show("/registers/config", R"("dark-mode")"));
}

TEST(QuickStart, StaleRemoveLeavesTheAddThatItHasNotSeen) {
  cluster nodes{3};
  ASSERT_TRUE(nodes.start());
  const std::string fruits = "/sets/fruits";
  const std::string add_apple = R"({"add": ["apple"]})";
  const std::string apple_alone = R"(["apple"])";
  ASSERT_EQ(nodes[0].http().post(fruits, add_apple).status, 200);
  ASSERT_TRUE(nodes.all_come_to_show(fruits, apple_alone));

  const auto context = nodes[1].http().context(fruits, "apple");
  ASSERT_EQ(nodes[2].http().post(fruits, add_apple).status, 200);
  const auto removed = nodes[1].http().post(
      fruits, R"({"remove": ["apple"], "contexts": {"apple": ")" + context + "\"}}");
  ASSERT_EQ(removed.status, 200) << removed.body;

  // Each node's changes travel in order: whoever has these has the remove and the add as well.
  for (const auto i : {1U, 2U})
    ASSERT_EQ(nodes[i].http().post("/counters/later", R"({"increment": 1})").status, 200);
  ASSERT_TRUE(nodes.all_come_to_show("/counters/later", "2"));
  EXPECT_TRUE(nodes.all_show(fruits, apple_alone));
  EXPECT_TRUE(always([&] { return nodes.all_show(fruits, apple_alone); }, std::chrono::seconds{1}));
}

/// Calls `write(node, round)` in each of some rounds on all nodes at once.
template <class Write>
void write_everywhere_at_once(cluster& nodes, int rounds, Write write) {
  std::vector<std::thread> writers;
  for (std::size_t i = 0; i < nodes.size(); ++i)
    writers.emplace_back([&nodes, rounds, write, i] {
      for (int round = 0; round < rounds; ++round) {
        const answer wrote = write(i, nodes[i].http(), round);
        EXPECT_EQ(wrote.status, 200) << nodes[i].name() << ": " << wrote.body;
      }
    });
  for (auto& writer : writers)
    writer.join();
}

TEST(QuickStart, ConcurrentIncrementsAddUp) {
  cluster nodes{3};
  ASSERT_TRUE(nodes.start());

  write_everywhere_at_once(nodes, 100, [](std::size_t i, const client& node, int round) {
    const auto what = round % 4 == 3 ? "decrement" : "increment";
    return node.post("/counters/hits",
                     "{\"" + std::string{what} + "\": " + std::to_string(i + 1) + "}");
  });

  // 75 - 25 rounds, of 1, 2 and 3.
  EXPECT_TRUE(nodes.all_come_to_show("/counters/hits", "300"));
}

TEST(QuickStart, ConcurrentAssignmentsConvergeToOne) {
  cluster nodes{3};
  ASSERT_TRUE(nodes.start());

  write_everywhere_at_once(nodes, 50, [](std::size_t i, const client& node, int round) {
    return node.put("/registers/theme", R"({"value": {"node": )" + std::to_string(i) +
                                            ", \"round\": " + std::to_string(round) + "}}");
  });
  // Each node's changes travel in order: whoever has these has the assignments as well.
  write_everywhere_at_once(nodes, 1, [](std::size_t, const client& node, int) {
    return node.post("/counters/later", R"({"increment": 1})");
  });
  ASSERT_TRUE(nodes.all_come_to_show("/counters/later", "3"));

  const auto winner = nodes[0].http().shown("/registers/theme");
  EXPECT_TRUE(std::regex_match(winner, std::regex{R"(\{"node":[012],"round":49\})"})) << winner;
  EXPECT_TRUE(nodes.all_show("/registers/theme", winner));
}

TEST(QuickStart, ConcurrentAddsAndRemovesConverge) {
  cluster nodes{3};
  ASSERT_TRUE(nodes.start());

  // Each node adds members of its own and removes every other one again; all add the same one.
  write_everywhere_at_once(nodes, 20, [](std::size_t i, const client& node, int round) {
    const auto name = [&](int r) {
      return "\"" + std::string(1, static_cast<char>('a' + i)) + std::to_string(r) + "\"";
    };
    const auto add = R"({"add": ["all", )" + name(round) + "]";
    const auto remove = R"(, "remove": [)" + name(round - 1) + "]";
    return node.post("/sets/members", add + (round % 2 == 1 ? remove : "") + "}");
  });

  std::string expected;
  for (const auto node : {'a', 'b', 'c'})
    for (const auto* round : {"1", "11", "13", "15", "17", "19", "3", "5", "7", "9"})
      expected += std::string{expected.empty() ? "" : ","} + '"' + node + round + '"';
  const auto at_all = expected.find("\"b1\"");
  EXPECT_TRUE(
      nodes.all_come_to_show("/sets/members", "[" + expected.insert(at_all, "\"all\",") + "]"));
}

} // namespace
} // namespace starling::e2e
