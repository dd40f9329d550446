// The README's quick start, as printed there, and what a reader would try next.

#include "tests/e2e/cluster.hpp"
#include "tests/e2e/curl_lines.hpp"
#include "tests/e2e/eventually.hpp"

#include <regex>
#include <thread>

namespace starling::e2e {
namespace {

TEST(QuickStart, DoesWhatTheReadmeSays) {
  cluster nodes{3};
  ASSERT_TRUE(nodes.start());
  const auto examples = examples_in(indented_lines("README.md", "Quick start"));
  ASSERT_EQ(examples.size(), 8U) << "the README's quick start has changed: change this test too";
  EXPECT_EQ(examples[0].line,
            R"(curl -X POST localhost:8080/counters/visitors -d '{"increment": 5}')");
  ASSERT_TRUE(examples[6].answer.has_value());
  ASSERT_NE(examples[7].line.find("<base64>"), std::string::npos);

  EXPECT_TRUE(answers(nodes, examples[0].line, R"({"value": 5})"));
  EXPECT_TRUE(answers(nodes, examples[1].line, R"({"value": 5})"));
  EXPECT_TRUE(answers(nodes, examples[2].line, R"({"value": 3})"));
  EXPECT_TRUE(answers(nodes, examples[1].line, R"({"value": 3})"));
  EXPECT_TRUE(answers(nodes, examples[3].line, R"({"value": "dark-mode"})"));
  EXPECT_TRUE(answers(nodes, examples[4].line, R"({"value": "dark-mode"})"));
  EXPECT_TRUE(answers(nodes, examples[5].line,
                      R"({"cardinality": 2, "contexts": {"apple": "<base64>", "banana": )"
                      R"("<base64>"}})"));
  EXPECT_TRUE(answers(nodes, examples[6].line, *examples[6].answer));

  // The remove, with a context as node 1 reads it.
  EXPECT_TRUE(
      answers(nodes, examples[7].line, R"({"cardinality": 1, "contexts": {"apple": "<base64>"}})"));
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
