// A whole text file in memory, with the mistakes that a path can be.
#pragma once

#include <string>
#include <string_view>

namespace convroof {

// At most 1 MiB; works for pipes too. Throws InputError (missing, a folder, unreadable, too large).
std::string read_text_file(const std::string& path);

// A piece of a person's file, fit for one line of an error: control and non-ASCII bytes become `?`, at most 60 characters.
std::string shown_text(std::string_view text);

}  // namespace convroof
