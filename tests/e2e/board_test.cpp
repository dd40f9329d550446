// A type with rows that is added by its own files and lists alone (tests/toy): written, shown page
// by page, kept, mended and repaired as sets are.

#include "tests/e2e/eventually.hpp"
#include "tests/e2e/later_version.hpp"
#include "tests/storage/temporary_folder.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

namespace starling::e2e {
namespace {

using namespace std::chrono_literals;
using storage::temporary_folder;

constexpr int names = 3000; // so that not all rows of a board are held, or sent at once

std::string name_of(int i) {
  return "name-" + std::to_string(10'000 + i);
}

class ABoard : public testing::Test {
protected:
  explicit ABoard(std::size_t nodes = 1) : nodes_{nodes} {
    nodes_.keep_data_below(folder_.path());
    for (auto& one : nodes_.nodes())
      be_later(one);
  }

  static void put(const node& n, int first, int last, int score) {
    std::string body;
    for (int i = first; i < last; ++i)
      body.append(body.empty() ? "" : ", ")
          .append('"' + name_of(i) + "\": " + std::to_string(score));
    EXPECT_EQ(n.http().post("/boards/b", R"({"put": {)" + body + "}}").status, 200);
  }

  static void fill(const node& n) {
    for (int i = 0; i < names; i += 500)
      put(n, i, i + 500, 1);
  }

  static void drop(const node& n, int i) {
    EXPECT_EQ(n.http().post("/boards/b", R"({"drop": [")" + name_of(i) + "\"]}").status, 200);
  }

  /// How many names all pages show together.
  static int count_on_pages(const node& n) {
    int result = 0;
    std::string after;
    for (int pages = 0; pages < 100; ++pages) {
      const auto body = n.http().get("/boards/b?limit=700" + after).body;
      for (auto at = body.find("name-1"); at < body.find("\"next\"");
           at = body.find("name-1", at + 1))
        ++result;
      const auto next = body.find("\"next\": \"");
      if (next == std::string::npos)
        return result;
      after = "&after=" + body.substr(next + 9, name_of(0).size());
    }
    return -1;
  }

  static testing::AssertionResult has(const node& n, int i, const std::string& score, int all) {
    const auto body = n.http().get("/boards/b/members/" + name_of(i)).body;
    const auto wanted = "{\"cardinality\": " + std::to_string(all) + ", \"scores\": {\"" +
                        name_of(i) + "\": " + score + "}, \"next\": null}\n";
    return body == wanted ? testing::AssertionSuccess()
                          : testing::AssertionFailure() << body << " instead of " << wanted;
  }

  void restart(std::size_t i) {
    ASSERT_EQ(nodes_[i].stop(SIGTERM, 10s), 0);
    ASSERT_TRUE(nodes_[i].start());
  }

  const temporary_folder folder_;
  cluster nodes_;
};

TEST_F(ABoard, IsShownPageByPageAndKept) {
  auto& only = nodes_[0];
  ASSERT_TRUE(only.start());
  fill(only);
  put(only, 7, 9, 5);
  drop(only, 8);
  EXPECT_EQ(count_on_pages(only), names - 1);

  restart(0);
  EXPECT_EQ(count_on_pages(only), names - 1);
  EXPECT_TRUE(has(only, 7, "5", names - 1));
  EXPECT_TRUE(has(only, 8, "null", names - 1));
  put(only, 8, 9, 6);
  EXPECT_TRUE(has(only, 8, "6", names));
  EXPECT_EQ(only.output().find("is not what was written"), std::string::npos) << only.output();
}

TEST_F(ABoard, OutlivesARebuildOfAllRows) {
  auto& only = nodes_[0];
  ASSERT_TRUE(only.start());
  fill(only);
  ASSERT_EQ(only.stop(SIGTERM, 10s), 0);
  std::ofstream{folder_ / only.name() + "/damaged"} << "a test says so\n";
  ASSERT_TRUE(only.start());
  EXPECT_NE(only.output().find("rows are rebuilt"), std::string::npos) << only.output();

  EXPECT_EQ(count_on_pages(only), names);
  put(only, 8, 9, 6);
  EXPECT_TRUE(has(only, 8, "6", names));
}

class BoardOfTwo : public ABoard {
protected:
  BoardOfTwo() : ABoard(2) {}
};

TEST_F(BoardOfTwo, IsRepairedWhereFewRowsDiffer) {
  ASSERT_TRUE(nodes_.start());
  fill(nodes_[0]);
  ASSERT_TRUE(eventually([&] { return nodes_.all_are_equal(); }));
  ASSERT_EQ(nodes_[1].stop(SIGTERM, 10s), 0);
  put(nodes_[0], 100, 110, 9);
  drop(nodes_[0], 200);
  restart(0); // which has no log of that
  ASSERT_TRUE(nodes_[1].start());

  EXPECT_TRUE(eventually([&] { return nodes_.all_are_equal(); }));
  EXPECT_TRUE(has(nodes_[1], 105, "9", names - 1));
  EXPECT_TRUE(has(nodes_[1], 200, "null", names - 1));
  drop(nodes_[1], 105); // whose event the other one numbered
  EXPECT_TRUE(eventually([&] { return has(nodes_[0], 105, "null", names - 2); }));
}

TEST_F(BoardOfTwo, IsBroughtWholeToWhoHasNothing) {
  ASSERT_TRUE(nodes_.start());
  fill(nodes_[0]);
  ASSERT_EQ(nodes_[1].stop(SIGTERM, 10s), 0);
  std::filesystem::remove_all(folder_ / nodes_[1].name());
  ASSERT_TRUE(nodes_[1].start());

  EXPECT_TRUE(eventually([&] { return nodes_.all_are_equal(); }));
  EXPECT_EQ(count_on_pages(nodes_[1]), names);
}

} // namespace
} // namespace starling::e2e
