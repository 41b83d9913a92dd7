"""What each command does, a file a verb; the folders hold what several of them are made of.

Arrows go one way: `wanted` knows no other folder, `context` is what every verb begins with, `images`, `weights` and
`gateway` stand on these, `rollout` and `people` on all of them; `connections` and `archives` also on `people`, whose
`change` archives the chats of who leaves; `changes`, what a plan tells of, looks at all.
"""
