#include "tests/crdt/dvvset.hpp"
#include "tests/crdt/vectors.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <numeric>

namespace starling::crdt {
namespace {

namespace json = boost::json;

using clock = dvvset<std::string, std::string>;
using strings = std::vector<std::string>;

// -- from JSON

std::string string_of(const json::value& x) {
  return std::string{x.as_string()};
}

/// A plain string stands for a list of that one.
strings strings_of(const json::value& x) {
  if (x.is_string())
    return {string_of(x)};
  strings result;
  for (const auto& s : x.as_array())
    result.push_back(string_of(s));
  return result;
}

clock::version_vector vector_of(const json::value& x) {
  clock::version_vector result;
  for (const auto& pair : x.as_array())
    result[string_of(pair.at(0))] = pair.at(1).to_number<std::uint64_t>();
  return result;
}

clock::entry_map entries_of(const json::value& x) {
  clock::entry_map result;
  for (const auto& e : x.as_array())
    result[string_of(e.at(0))] = {e.at(1).to_number<std::uint64_t>(), strings_of(e.at(2))};
  return result;
}

clock clock_of(const json::value& x) {
  return {entries_of(x.at("entries")), strings_of(x.at("anon"))};
}

std::vector<clock> clocks_of(const json::value& x) {
  std::vector<clock> result;
  for (const auto& c : x.as_array())
    result.push_back(clock_of(c));
  return result;
}

// -- to JSON; anonymous values as a multiset, that is sorted

json::value to_json(const strings& x) {
  return json::array(x.begin(), x.end());
}

json::value sorted(strings x) {
  std::sort(x.begin(), x.end());
  return to_json(x);
}

json::value to_json(const clock::version_vector& x) {
  json::array result;
  for (const auto& [id, events] : x)
    result.push_back({id, events});
  return result;
}

json::value to_json(const clock::entry_map& x) {
  json::array result;
  for (const auto& [id, e] : x)
    result.push_back({id, e.events, to_json(e.values)});
  return result;
}

json::value to_json(const clock& x) {
  return {{"entries", to_json(x.entries())}, {"anon", sorted(x.anonymous())}};
}

const json::value no_answer = {{"error", "function_clause"}};

json::value answer(const std::optional<clock>& x) {
  return x ? to_json(*x) : no_answer;
}

// -- the functions that the vectors name

long long integer(const std::string& x) {
  return std::stoll(x);
}

std::function<bool(const std::string&, const std::string&)> order_named(const std::string& name) {
  using s = const std::string&;
  const auto time = [](s x) { return integer(x.substr(x.find('@') + 1)); };
  if (name == "le_str")
    return [](s x, s y) { return x <= y; };
  if (name == "gt_str")
    return [](s x, s y) { return x > y; };
  if (name == "le_num")
    return [](s x, s y) { return integer(x) <= integer(y); };
  if (name == "le_ts")
    return [time](s x, s y) { return time(x) <= time(y); };
  if (name == "le_len")
    return [](s x, s y) { return x.size() <= y.size(); };
  if (name == "lt_len")
    return [](s x, s y) { return x.size() < y.size(); };
  throw std::runtime_error("unknown order " + name);
}

std::string joined_by_bar(const strings& x) {
  std::string result;
  for (std::size_t i = 0; i < x.size(); ++i)
    result += (i == 0 ? "" : "|") + x[i];
  return result;
}

std::string combine(const std::string& name, strings x) {
  const auto by_number = [](const std::string& a, const std::string& b) {
    return integer(a) < integer(b);
  };
  if (name == "sum")
    return std::to_string(std::accumulate(
        x.begin(), x.end(), 0LL, [](long long sum, const auto& n) { return sum + integer(n); }));
  if (name == "min_num")
    return std::to_string(integer(*std::min_element(x.begin(), x.end(), by_number)));
  if (name == "min_str")
    return *std::min_element(x.begin(), x.end());
  if (name == "max_str")
    return *std::max_element(x.begin(), x.end());
  if (name == "concat")
    return joined_by_bar(x);
  if (name == "count")
    return std::to_string(x.size());
  if (name == "join_sorted") {
    std::sort(x.begin(), x.end());
    return joined_by_bar(x);
  }
  throw std::runtime_error("unknown function " + name);
}

std::string changed(const std::string& name, const std::string& x) {
  if (name == "double")
    return std::to_string(2 * integer(x));
  if (name == "bang")
    return x + "!";
  throw std::runtime_error("unknown function " + name);
}

// -- one line

/// All the ways to sync some clocks that must give the same: in every order from the left, from the
/// right, in two halves, and with one of them repeated.
std::vector<clock> all_syncs(std::vector<clock> clocks) {
  std::vector<clock> results;
  std::vector<std::size_t> order(clocks.size());
  std::iota(order.begin(), order.end(), 0u);
  do {
    std::vector<clock> list;
    for (const auto i : order)
      list.push_back(clocks[i]);
    const auto all = *clock::sync(list);
    results.push_back(all);
    for (const auto& one : list)
      results.push_back(clock::sync(all, one));
    results.push_back(clock::sync(all, all));
    auto from_the_right = list.back();
    for (auto i = list.size() - 1; i > 0; --i)
      from_the_right = clock::sync(list[i - 1], from_the_right);
    results.push_back(from_the_right);
    for (std::size_t cut = 1; cut < list.size(); ++cut) {
      const auto middle = list.begin() + static_cast<std::ptrdiff_t>(cut);
      results.push_back(
          clock::sync(*clock::sync({list.begin(), middle}), *clock::sync({middle, list.end()})));
    }
  } while (std::next_permutation(order.begin(), order.end()));
  return results;
}

/// What our clocks answer to a line, in the form in which `wanted` gives its result.
json::value answer_to(const vector_line& line) {
  const auto op = line.text("op");
  const auto& args = line.at("args").as_array();
  const bool alone = args.size() == 1;
  if (op == "new")
    return to_json(alone ? clock::of(string_of(args[0]))
                         : clock::of(vector_of(args[0]), string_of(args[1])));
  if (op == "new_list")
    return to_json(alone ? clock::of_list(strings_of(args[0]))
                         : clock::of_list(vector_of(args[0]), strings_of(args[1])));
  if (op == "sync") {
    const auto result = clock::sync(clocks_of(args[0]));
    return result ? to_json(*result) : nullptr;
  }
  if (op == "sync_group") {
    json::value result;
    for (const auto& way : all_syncs(clocks_of(args[0]))) {
      const auto one = to_json(way);
      if (!result.is_null() && one != result)
        return {{"one way", result}, {"another way", one}};
      result = one;
    }
    return result;
  }
  if (op == "join")
    return to_json(clock_of(args[0]).join());
  if (op == "event") {
    clock c{entries_of(args[0]), {}};
    c.event(string_of(args[1]), string_of(args[2]));
    return to_json(c.entries());
  }
  if (op == "update")
    return answer(args.size() == 2
                      ? clock::update(clock_of(args[0]), string_of(args[1]))
                      : clock::update(clock_of(args[0]), clock_of(args[1]), string_of(args[2])));
  if (op == "size")
    return clock_of(args[0]).size();
  if (op == "ids")
    return to_json(clock_of(args[0]).ids());
  if (op == "values")
    return sorted(clock_of(args[0]).values());
  if (op == "less")
    return clock::less(clock_of(args[0]), clock_of(args[1]));
  if (op == "equal")
    return args[0].is_array() ? clock::equal(vector_of(args[0]), vector_of(args[1]))
                              : clock::equal(clock_of(args[0]), clock_of(args[1]));
  if (op == "last") {
    const auto last = clock_of(args[1]).last(order_named(string_of(args[0])));
    return last ? json::value(*last) : no_answer;
  }
  if (op == "lww")
    return answer(clock_of(args[1]).lww(order_named(string_of(args[0]))));
  const auto name = string_of(args.at(0));
  if (op == "reconcile")
    return to_json(
        clock_of(args[1]).reconcile([&](strings values) { return combine(name, values); }));
  if (op == "map")
    return to_json(clock_of(args[1]).map([&](const std::string& x) { return changed(name, x); }));
  throw std::runtime_error("unknown operation " + op);
}

/// The reference's answer, with what counts as a multiset sorted.
json::value wanted(const vector_line& line) {
  if (const auto* error = line.fields.if_contains("error"))
    return {{"error", *error}};
  const auto& result = line.at("result");
  if (line.text("op") == "values")
    return sorted(strings_of(result));
  return result.is_object() ? to_json(clock_of(result)) : result;
}

TEST(DvvsetVectors, EveryLineIsAnsweredLikeTheReference) {
  const auto lines = read_vectors("dvvset.jsonl");
  if (!lines)
    GTEST_SKIP() << "no vectors: " << vectors_path("dvvset.jsonl") << " is not there";

  EXPECT_EQ(lines->size(), 13692u);
  for (const auto& line : *lines) {
    const auto got = answer_to(line);
    EXPECT_EQ(got, wanted(line)) << line.where << ": " << line.text("op") << " " << line.at("args");
  }
}

} // namespace
} // namespace starling::crdt
