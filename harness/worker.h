// The child's side of a run: a process that makes the same plan as its parent, runs the cases it is told to, and answers in JSON lines. What happens in here
// (a crash in a library, a kernel that never returns) costs the running case and nothing else.
//
//   parent to child, on standard input       child to parent, on descriptor 3
//   {"options": {...}}                        {"ready": number of cases}
//   {"ceilings": [[backend, [types]], ...]}   {"warning": text} ...  {"ceilings": [...]}
//   {"run": [index, ...]}                     {"start": index} {"row": {...}, "index": index} ...  {"done": true, "libraries": {...}}
#pragma once

namespace convroof {

// The hidden verb by which the program starts itself as a child.
inline constexpr const char* kWorkerVerb = "__worker";
inline constexpr int kAnswerDescriptor = 3;

int worker_main();

}  // namespace convroof
