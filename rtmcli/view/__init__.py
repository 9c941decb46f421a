"""The page of `rtm view`: one HTML file with the video, its skeletons, a timeline and plots."""
