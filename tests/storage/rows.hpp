#pragma once

// What tests say and ask of stores, in few words.

#include "storage/disk/rocks_store.hpp"

#include <gtest/gtest.h>

#include <map>

namespace starling::storage {

using row_map = std::map<std::string, std::string>;

/// A batch that puts these rows.
inline batch putting(const row_map& rows) {
  batch result;
  for (const auto& [name, value] : rows)
    result.put(name, value);
  return result;
}

/// A batch that erases these rows.
inline batch erasing(const std::vector<std::string>& names) {
  batch result;
  for (const auto& name : names)
    result.erase(name);
  return result;
}

/// Above all names of the tests.
inline const std::string after_all(16, '\xff');

inline row_map all_rows(const snapshot& shown) {
  row_map result;
  const auto failed = shown.scan(
      "", after_all, [&](auto name, auto value) { return result.emplace(name, value).second; });
  EXPECT_FALSE(failed) << failed->what;
  return result;
}

inline row_map all_rows(const store& rows) {
  return all_rows(*rows.now());
}

/// The value of a row, or nothing.
inline std::optional<std::string> value_of(const snapshot& shown, std::string_view name) {
  const auto found = shown.find(name);
  if (const auto* failed = std::get_if<failure>(&found)) {
    ADD_FAILURE() << failed->what;
    return std::nullopt;
  }
  return std::get<std::optional<std::string>>(found);
}

/// In a folder in memory, the default ones take their time: a log is given its room at once.
inline const rocks_settings small_settings{std::size_t{1} << 20, std::size_t{1} << 20};

/// The rows in a folder, which must open.
inline opened open_rows(const std::string& folder,
                        const rocks_settings& settings = small_settings) {
  auto result = open_rocks_store(folder, settings);
  if (const auto* failed = std::get_if<failure>(&result)) {
    ADD_FAILURE() << failed->what;
    throw std::runtime_error{failed->what};
  }
  return std::get<opened>(std::move(result));
}

/// Why the rows in a folder do not open.
inline failure refused_rows(const std::string& folder,
                            const rocks_settings& settings = small_settings) {
  const auto result = open_rocks_store(folder, settings);
  const auto* failed = std::get_if<failure>(&result);
  EXPECT_TRUE(failed) << "it was opened";
  return failed ? *failed : failure{};
}

} // namespace starling::storage
