#pragma once

// Rows as folders of format 1 have them, made of rows of today: what a migration begins with.

#include "storage/first_layout.hpp"

#include <fstream>
#include <map>
#include <stdexcept>
#include <string>

namespace starling::storage {

/// What format 1 had of the same keys. Requires: rows of a sound store.
inline std::map<std::string, std::string>
as_of_format_1(const std::map<std::string, std::string, std::less<>>& rows) {
  std::map<std::string, std::string> result;
  const auto begin = [](char letter, const crdt::key& key) {
    wire::writer out;
    out.u8(static_cast<std::uint8_t>(letter));
    out.bytes(key.name);
    return std::string{out.view()};
  };
  const auto listed_as_head = [](std::string listed) {
    --listed[0];
    return listed;
  };
  for (const auto& [name, value] : rows) {
    const auto key = name.starts_with('m') ? key_of_row(name) : std::nullopt;
    if (const auto head = key_of_head(name)) {
      result[listed_as_head(listed_name(*head))] = value;
    } else if (key) {
      const auto member = name.substr(members_between(*key).first.size());
      result[begin('m', *key) + member] = value;
      for (const auto& event : crdt::or_set::decode_row(value).value_or(crdt::or_set::row{})) {
        auto entry = begin('e', *key) + (event.live ? '\1' : '\0');
        wire::writer replica;
        crdt::encode(replica, event.replica);
        entry += replica.view();
        for (int shift = 56; shift >= 0; shift -= 8)
          entry += static_cast<char>(event.number >> shift);
        result[entry + member] = "";
      }
    } else if (name.starts_with('a') || name.starts_with('z')) {
      result[name.substr(0, 1) + listed_as_head(name.substr(1))] = listed_as_head(value);
    } else if (!name.starts_with('l') && !name.starts_with('e')) {
      result[name] = value;
    }
  }
  return result;
}

/// Says of a folder that it is of format 1. Requires: nobody uses it.
inline void make_format_of_format_1(const std::string& folder) {
  std::fstream file{folder + "/format", std::ios::in | std::ios::out};
  if (!(file << "starling data 1\n"))
    throw std::runtime_error{"cannot write " + folder + "/format"};
}

} // namespace starling::storage
