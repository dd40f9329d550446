// What holds of every store.

#include "storage/disk/rocks_store.hpp"
#include "storage/event_index.hpp"
#include "storage/layout.hpp"
#include "storage/memory_store.hpp"
#include "storage/store.hpp"
#include "tests/storage/rows.hpp"
#include "tests/storage/temporary_folder.hpp"

#include <thread>

namespace starling::storage {
namespace {

enum class kind { memory, rocks };

void PrintTo(kind k, std::ostream* out) {
  *out << (k == kind::memory ? "memory" : "rocks");
}

class AnyStore : public ::testing::TestWithParam<kind> {
protected:
  AnyStore() {
    if (GetParam() == kind::memory)
      rows = std::make_unique<memory_store>();
    else
      rows = open_rows(folder / "rows").rows;
  }

  void commit(const std::vector<batch>& batches) {
    const auto failed = rows->commit(batches, false);
    EXPECT_FALSE(failed) << failed->what;
  }

  std::vector<std::string> names_between(std::string_view first, std::string_view end,
                                         std::size_t names_max = 100) {
    std::vector<std::string> result;
    const auto failed = rows->now()->scan(first, end, [&](auto name, auto) {
      result.emplace_back(name);
      return result.size() < names_max;
    });
    EXPECT_FALSE(failed);
    return result;
  }

  temporary_folder folder;
  std::unique_ptr<store> rows;
};

using names = std::vector<std::string>;

TEST_P(AnyStore, HoldsNothingAtFirst) {
  EXPECT_TRUE(all_rows(*rows).empty());
  EXPECT_EQ(value_of(*rows->now(), "a"), std::nullopt);
}

TEST_P(AnyStore, HoldsWhatWasCommitted) {
  commit({putting({{"a", "1"}, {"b", ""}})});

  EXPECT_EQ(value_of(*rows->now(), "a"), "1");
  EXPECT_EQ(value_of(*rows->now(), "b"), "") << "an empty value is one";
  EXPECT_EQ(value_of(*rows->now(), "c"), std::nullopt);
  EXPECT_EQ(all_rows(*rows), (row_map{{"a", "1"}, {"b", ""}}));
}

TEST_P(AnyStore, TakesAnyBytes) {
  const std::string odd{"\0\xff\n\0", 4};
  commit({putting({{odd, odd}, {"", "no name"}})});

  EXPECT_EQ(value_of(*rows->now(), odd), odd);
  EXPECT_EQ(value_of(*rows->now(), ""), "no name");
}

TEST_P(AnyStore, TakesTheLaterOfTwoChanges) {
  batch first;
  first.put("a", "1");
  first.put("a", "2");
  first.put("b", "1");
  first.erase("b");
  first.erase("c");
  first.put("c", "1");
  commit({first, putting({{"d", "1"}}), erasing({"d"}), erasing({"e"}), putting({{"e", "1"}})});

  EXPECT_EQ(all_rows(*rows), (row_map{{"a", "2"}, {"c", "1"}, {"e", "1"}}));

  commit({erasing({"a", "nothing"})});
  EXPECT_EQ(all_rows(*rows), (row_map{{"c", "1"}, {"e", "1"}}));
}

TEST_P(AnyStore, AppendsToRows) {
  batch first;
  first.append("a", "1");
  first.append("b", "1");
  first.append("a", "2");
  first.erase("b");
  first.append("b", "2");
  commit({first});
  EXPECT_EQ(all_rows(*rows), (row_map{{"a", "12"}, {"b", "2"}}));
  const auto before = rows->now();
  batch second;
  second.append("a", "3");
  second.put("b", "x");
  second.append("b", "y");
  commit({second});
  EXPECT_EQ(all_rows(*rows), (row_map{{"a", "123"}, {"b", "xy"}}));
  EXPECT_EQ(value_of(*before, "a"), "12");
}

TEST_P(AnyStore, TidiesRowsOfTheIndex) {
  const crdt::key fruits{crdt::type::set, "fruits"};
  const auto ann = crdt::replica_id::from(1, 1);
  const auto name = index_name(fruits, {ann, 1, true});
  const crdt::payload apple{crdt::payload_kind::text, "apple"};
  const crdt::payload pear{crdt::payload_kind::text, "pear"};
  const auto append = [&](auto... say) {
    wire::writer said;
    (say(said), ...);
    batch more;
    more.append(name, said.view());
    commit({more});
  };
  append([&](auto& row) { put_held(row, 1, apple); }, [&](auto& row) { put_held(row, 2, pear); });
  append([&](auto& row) { put_over(row, 1); });
  wire::writer left;
  put_held(left, 2, pear);
  EXPECT_EQ(value_of(*rows->now(), name), left.view());
  append([&](auto& row) { put_over(row, 2); });
  EXPECT_EQ(value_of(*rows->now(), name).value_or(""), "") << "as good as none";
}

TEST(Batch, ListsItsChangesInTheirOrder) {
  batch changes;
  EXPECT_TRUE(changes.empty());
  changes.put("a", "1");
  changes.erase("");
  changes.put("", "");
  changes.erase("b");
  changes.append("c", "");

  using change = batch::change;
  EXPECT_EQ(changes.changes(),
            (std::vector<change>{change{"a", "1"}, change{"", std::nullopt}, change{"", ""},
                                 change{"b", std::nullopt}, change{"c", "", true}}));
  EXPECT_FALSE(changes.empty());
  EXPECT_EQ(changes.size(), 5u);
  EXPECT_EQ(changes.bytes(), 4u);
}

std::string numbered(int n) {
  return "row" + std::to_string(1000 + n);
}

TEST_P(AnyStore, FindsManyAsOneByOne) {
  row_map all;
  for (int n = 0; n < 200; n += n % 50 < 25 ? 1 : 7)
    all.emplace(numbered(n), std::to_string(n));
  commit({putting(all)});
  commit({erasing({numbered(3), numbered(4), numbered(60)})});
  const auto now = rows->now();

  for (const int step : {1, 2, 30, 199}) {
    names asked{""};
    for (int n = 0; n < 210; n += step)
      asked.push_back(numbered(n));
    row_map expected;
    for (const auto& name : asked)
      if (const auto value = value_of(*now, name))
        expected.emplace(name, *value);
    row_map found;
    const auto failed = now->find_all(
        asked, [&](std::size_t at, auto value) { found.emplace(asked.at(at), value); });
    EXPECT_FALSE(failed);
    EXPECT_EQ(found, expected) << "each " << step;
  }
  EXPECT_FALSE(now->find_all({}, [](std::size_t, auto) { ADD_FAILURE(); }));
}

TEST_P(AnyStore, TakesACommitOfNothing) {
  commit({});
  commit({batch{}});

  EXPECT_FALSE(rows->commit({}, true));
  EXPECT_FALSE(rows->sync());
  EXPECT_TRUE(all_rows(*rows).empty());
}

TEST_P(AnyStore, ShowsRowsInOrderOfTheirBytes) {
  commit({putting({{"b", ""}, {"\xff", ""}, {"a", ""}, {"ab", ""}, {"", ""}, {"B", ""}})});

  EXPECT_EQ(names_between("", after_all), (names{"", "B", "a", "ab", "b", "\xff"}));
}

TEST_P(AnyStore, ScansFromTheFirstNameToBeforeTheEnd) {
  commit({putting({{"a", ""}, {"b", ""}, {"ba", ""}, {"c", ""}})});

  EXPECT_EQ(names_between("b", "c"), (names{"b", "ba"}));
  EXPECT_EQ(names_between("aa", "bb"), (names{"b", "ba"}));
  EXPECT_EQ(names_between("b", "b"), names{});
  EXPECT_EQ(names_between("c", "a"), names{});
  EXPECT_EQ(names_between("d", "z"), names{});
}

TEST_P(AnyStore, StopsAScanWhenToldTo) {
  commit({putting({{"a", ""}, {"b", ""}, {"c", ""}})});

  EXPECT_EQ(names_between("", "z", 1), (names{"a"}));
  EXPECT_EQ(names_between("", "z", 2), (names{"a", "b"}));
}

TEST_P(AnyStore, ShowsOneMomentWhateverIsCommittedLater) {
  commit({putting({{"a", "1"}, {"b", "1"}})});
  const auto before = rows->now();
  commit({putting({{"a", "2"}, {"c", "2"}}), erasing({"b"})});
  const auto between = rows->now();
  commit({erasing({"a", "c"})});

  EXPECT_EQ(all_rows(*before), (row_map{{"a", "1"}, {"b", "1"}}));
  EXPECT_EQ(value_of(*before, "a"), "1");
  EXPECT_EQ(value_of(*before, "c"), std::nullopt);
  EXPECT_EQ(all_rows(*between), (row_map{{"a", "2"}, {"c", "2"}}));
  EXPECT_TRUE(all_rows(*rows).empty());
}

TEST_P(AnyStore, LetsAScanCommitWithoutSeeingIt) {
  commit({putting({{"a", "1"}, {"b", "1"}})});

  row_map seen;
  const auto failed = rows->now()->scan("", "z", [&](auto name, auto value) {
    seen.emplace(name, value);
    commit({putting({{"b", "2"}, {"c", "2"}})});
    return true;
  });

  EXPECT_FALSE(failed);
  EXPECT_EQ(seen, (row_map{{"a", "1"}, {"b", "1"}}));
}

TEST_P(AnyStore, ShowsEachCommitWholeToOtherThreads) {
  std::thread writer{[this] {
    for (int i = 0; i < 300; ++i)
      commit({putting({{"a", std::to_string(i)}}), putting({{"z", std::to_string(i)}})});
  }};

  int last = -1;
  while (last < 299 && !HasFailure()) {
    const auto shown = rows->now();
    const auto a = value_of(*shown, "a");
    EXPECT_EQ(a, value_of(*shown, "z"));
    const int now = a ? std::stoi(*a) : -1;
    EXPECT_GE(now, last);
    last = now;
  }
  writer.join();
}

INSTANTIATE_TEST_SUITE_P(All, AnyStore, ::testing::Values(kind::memory, kind::rocks),
                         [](const auto& tested) {
                           return std::string{tested.param == kind::memory ? "Memory" : "Rocks"};
                         });

TEST(Trouble, HasAName) {
  EXPECT_EQ(to_string(trouble::full), "full");
  EXPECT_EQ(to_string(trouble::read_only), "read-only");
  EXPECT_EQ(to_string(trouble::corrupted), "corrupted");
  EXPECT_EQ(to_string(trouble::broken), "broken");
  EXPECT_EQ(to_string(trouble::unread), "unread");
  EXPECT_EQ(to_string(trouble::missing), "missing");
}

} // namespace
} // namespace starling::storage
